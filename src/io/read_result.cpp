// read_result of <mho/io.h>: from a result file back to a Result.
#include <fmt/format.h>
#include <mho/io.h>
#include <mho/rows.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/hdf5_texts.h"
#include "io/npz.h"

namespace mho::io {

namespace {

using Arrays = std::map<std::string, Array, std::less<>>;
using nlohmann::json;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& reason) {
  throw Error(Code::kIo, fmt::format("{}: {}; results are written by `mho attribute -o` or io::write_result",
                                     path.string(), reason));
}

Array take(const std::filesystem::path& path, Arrays& arrays, const std::string& name) {
  const auto it = arrays.find(name);
  if (it == arrays.end()) refuse(path, fmt::format("there is no array '{}'", name));
  Array array = std::move(it->second);
  arrays.erase(it);
  return array;
}

/// A column with one entry per example.
template <class T>
std::vector<T> column(const std::filesystem::path& path, Arrays& arrays, const std::string& name,
                      std::int64_t examples) {
  const Array array = take(path, arrays, name);
  if (array.shape() != Shape{examples}) {
    refuse(path,
           fmt::format("array '{}' has shape {}, not {}", name, to_string(array.shape()), to_string(Shape{examples})));
  }
  std::vector<T> values;
  values.reserve(static_cast<std::size_t>(array.size()));
  if constexpr (std::is_same_v<T, bool>) {
    for (std::int64_t i = 0; i < array.size(); ++i) values.push_back(array.at(i) != 0);
  } else {
    const Array converted = array.to(DTypeOf<T>::value);
    const auto elements = converted.as<T>();
    values.assign(elements.begin(), elements.end());
  }
  return values;
}

LayerResult read_layer(const std::filesystem::path& path, Arrays& arrays, const json& row, std::int64_t examples) {
  LayerResult layer;
  layer.name = row.at("name").get<std::string>();
  layer.node = row.at("node").get<std::string>();
  layer.op = row.at("op").get<std::string>();
  layer.cut = row.at("cut").get<bool>();
  layer.precision_error = row.value("precision_error", std::numeric_limits<double>::quiet_NaN());
  const auto array = row.at("array").get<std::string>();
  layer.values = take(path, arrays, array).to(DType::f64);
  if (layer.values.shape().empty() || layer.values.shape()[0] != examples) {
    refuse(path, fmt::format("array '{}' has shape {}, but there are {} examples", array,
                             to_string(layer.values.shape()), examples));
  }
  for (auto& [name, values] :
       {std::pair("residual", &layer.residual), std::pair("cancellation", &layer.cancellation)}) {
    const std::string full = fmt::format("mho/{}/{}", name, array);
    if (arrays.contains(full)) *values = column<double>(path, arrays, full, examples);
  }
  layer.estimated_error = column<double>(path, arrays, fmt::format("mho/estimated_error/{}", array), examples);
  return layer;
}

/// What a result file holds, whatever its format.
struct Contents {
  Arrays arrays;
  std::optional<std::string> metadata;
  std::optional<std::vector<std::string>> names;
};

Contents read_archive(const std::filesystem::path& path) {
  Contents contents{read_npz(path), {}, {}};
  auto texts = read_npz_texts(path);
  if (const auto it = texts.find("mho/metadata"); it != texts.end()) contents.metadata = std::move(it->second);
  auto lists = read_npz_text_lists(path);
  if (const auto it = lists.find("mho/names"); it != lists.end()) contents.names = std::move(it->second);
  return contents;
}

Contents read_hdf5(const std::filesystem::path& path) {
  Contents contents;
  // One data set may claim values that few bytes stand behind (they compress well); all together may not.
  constexpr std::uint64_t kMostUnbacked = std::uint64_t{1} << 30;
  constexpr std::uint64_t kMostRatio = 1100;  // deflate reaches 1030 : 1
  const std::uint64_t stored = std::filesystem::file_size(path);
  std::uint64_t claimed = 0;
  for (const ArrayEntry& entry : list_hdf5(path)) {
    claimed += static_cast<std::uint64_t>(element_count(entry.shape)) * size_of(entry.dtype);
    if (claimed > kMostUnbacked && claimed / kMostRatio > stored) {
      throw Error(Code::kLimit, fmt::format("{}: its data sets claim more than {} bytes, but the file has {}",
                                            path.string(), kMostUnbacked, stored));
    }
    const auto rows = open_hdf5_rows(path, entry.name);
    contents.arrays.emplace(entry.name, rows->read(0, entry.shape.empty() ? 1 : entry.shape[0]));
  }
  if (auto text = read_hdf5_texts(path, "mho/metadata"); text && text->size() == 1) contents.metadata = text->front();
  contents.names = read_hdf5_texts(path, "mho/names");
  return contents;
}

}  // namespace

Result read_result(const std::filesystem::path& path) {
  Contents contents = is_hdf5_path(path) ? read_hdf5(path) : read_archive(path);
  Arrays& arrays = contents.arrays;
  if (!contents.metadata) refuse(path, "this is not a result file: there is no 'mho/metadata'");
  try {
    const json document = json::parse(*contents.metadata);
    Result result;
    const auto target = arrays.find("mho/target");
    if (target == arrays.end() || target->second.shape().size() != 1) refuse(path, "there is no column 'mho/target'");
    const std::int64_t examples = target->second.shape()[0];
    for (const json& row : document.at("layers")) {
      result.layers.push_back(read_layer(path, arrays, row, examples));
    }
    result.f_input = column<double>(path, arrays, "mho/f_input", examples);
    result.f_baseline = column<double>(path, arrays, "mho/f_baseline", examples);
    result.target = column<std::int64_t>(path, arrays, "mho/target", examples);
    result.evaluations = column<std::int64_t>(path, arrays, "mho/evaluations", examples);
    result.steps = column<std::int64_t>(path, arrays, "mho/steps", examples);
    result.converged = column<bool>(path, arrays, "mho/converged", examples);
    if (contents.names) {
      if (static_cast<std::int64_t>(contents.names->size()) != examples) {
        refuse(path, fmt::format("there are {} names of {} examples", contents.names->size(), examples));
      }
      result.names = std::move(*contents.names);
    }
    result.target_tensor = document.at("target_tensor").get<std::string>();
    result.target_note = document.at("target_note").get<std::string>();
    result.batching = document.at("batching").get<std::string>();
    result.notes = document.value("notes", std::vector<std::string>{});
    result.micro_batch = document.at("micro_batch").get<std::int64_t>();
    for (const auto& [key, value] : document.at("run").items()) result.metadata[key] = value.get<std::string>();
    return result;
  } catch (const json::exception& error) {
    refuse(path, fmt::format("its metadata cannot be read ({})", error.what()));
  }
}

}  // namespace mho::io
