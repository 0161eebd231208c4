// Reading `-t` and `--labels`: which output is explained, by index, by name, or from a file.
#include "targets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>
#include <mho/formats.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>

#include "text.h"
#include "text_sources.h"

namespace mho::cli {

namespace {

using Index = std::vector<std::int64_t>;

/// Up to three labels that contain `text`, or else the first three.
std::string similar(std::string_view text, std::span<const std::string> labels) {
  std::vector<std::string> found;
  for (const std::string& label : labels) {
    if (found.size() < 3 && label.find(text) != std::string::npos) found.push_back(label);
  }
  for (std::size_t i = 0; found.empty() && i < std::min<std::size_t>(3, labels.size()); ++i) {
    found.assign(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, labels.size())));
  }
  return fmt::format("{}", fmt::join(found, "', '"));
}

/// A number, a tuple, or a label; none if it is no label.
std::optional<Index> parse_element(std::string_view text, std::span<const std::string> labels) {
  if (auto index = parse_integers(text)) return index;
  const auto it = std::ranges::find(labels, text);
  if (it == labels.end()) return std::nullopt;
  const auto again = std::ranges::find(it + 1, labels.end(), text);
  if (again != labels.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("label '{}' stands for {} and {}; give the index", text,
                                                    it - labels.begin(), again - labels.begin()));
  }
  return Index{it - labels.begin()};
}

/// Labels may contain colons: the first one that leaves an element on both sides divides.
std::optional<DifferenceTarget> parse_difference(std::string_view text, std::span<const std::string> labels) {
  for (std::size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    auto plus = parse_element(text.substr(0, at), labels);
    auto minus = parse_element(text.substr(at + 1), labels);
    if (plus && minus) return DifferenceTarget{std::move(*plus), std::move(*minus)};
  }
  return std::nullopt;
}

bool is_integer(const Array& array) { return array.dtype() == DType::i64 || array.dtype() == DType::i32; }

/// A table's column of whole numbers as integers, else as it is.
Array read_column(const FileReference& reference) {
  const std::vector<std::string> columns =
      reference.array.empty() ? std::vector<std::string>{} : split(reference.array, ',');
  const Array values = io::read_table(reference.file, columns).values;
  const auto numbers = values.as<double>();
  const bool whole = std::ranges::all_of(numbers, [](double v) { return v == std::floor(v) && std::abs(v) < 0x1p53; });
  return whole ? values.to(DType::i64) : values;
}

/// Pictures in folders: the folder's name is a label, or stands for its place among the sorted names.
Target read_folders(const std::filesystem::path& folder, std::span<const std::string> labels) {
  std::set<std::string> folders;
  std::vector<std::string> names;
  for (const std::filesystem::path& file : pictures_in(folder)) {
    names.push_back(file.parent_path().filename().string());
    if (std::filesystem::equivalent(file.parent_path(), folder)) {
      throw Error(Code::kInvalidArgument, fmt::format("-t @{}: {} lies in no folder that could name its class",
                                                      folder.string(), file.string()));
    }
    folders.insert(names.back());
  }
  IndexTarget target;
  for (const std::string& name : names) {
    const auto label = std::ranges::find(labels, name);
    if (!labels.empty() && label == labels.end()) {
      throw Error(Code::kNotFound, fmt::format("-t @{}: folder '{}' is no label", folder.string(), name));
    }
    target.indices.push_back(
        {labels.empty() ? std::distance(folders.begin(), folders.find(name)) : label - labels.begin()});
  }
  return target;
}

Array read_indices(std::string_view text) {
  const FileReference reference = parse_reference(text);
  if (io::is_table_path(reference.file)) return read_column(reference);
  if (reference.file.extension() != ".npz") return io::read_npy(reference.file);
  auto arrays = io::read_npz(reference.file);
  std::string name = reference.array;
  if (name.empty()) {
    std::erase_if(arrays, [](const auto& entry) { return !is_integer(entry.second); });
    if (arrays.size() != 1) {
      throw Error(Code::kInvalidArgument, fmt::format("{}: {} arrays of integers; name one with -t @{}:ARRAY",
                                                      reference.file.string(), arrays.size(), reference.file.string()));
    }
    name = arrays.begin()->first;
  }
  const auto it = arrays.find(name);
  if (it == arrays.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("{} has no array '{}'", reference.file.string(), name));
  }
  return std::move(it->second);
}

Target read_target(std::string_view text) {
  const Array array = read_indices(text);
  const Shape& shape = array.shape();
  if (array.dtype() == DType::f32 || array.dtype() == DType::f64) {
    const Array weights = array.to(DType::f64);
    const auto values = weights.as<double>();
    return WeightedTarget{{values.begin(), values.end()}};
  }
  if (!is_integer(array) || shape.empty() || shape.size() > 2 || array.size() == 0) {
    throw Error(Code::kInvalidArgument,
                fmt::format("-t @{}: {} {} where integers [examples] or [examples, rank of the output] are needed",
                            text, to_string(array.dtype()), to_string(shape)));
  }
  const std::int64_t width = shape.size() == 2 ? shape[1] : 1;
  IndexTarget target;
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    Index index;
    for (std::int64_t i = 0; i < width; ++i) index.push_back(static_cast<std::int64_t>(array.at(row * width + i)));
    target.indices.push_back(std::move(index));
  }
  return target;
}

}  // namespace

std::vector<std::string> read_labels(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream || std::filesystem::is_directory(file)) {
    throw Error(Code::kIo, fmt::format("--labels: {} cannot be read", file.string()));
  }
  std::vector<std::string> labels;
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(std::move(line));
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  if (labels.empty()) throw Error(Code::kInvalidArgument, fmt::format("--labels: {} has no labels", file.string()));
  return labels;
}

Target parse_target(std::string_view text, std::span<const std::string> labels) {
  if (text == "argmax") return ArgmaxTarget{};
  if (text.starts_with('@') && std::filesystem::is_directory(text.substr(1))) {
    return read_folders(text.substr(1), labels);
  }
  if (text.starts_with('@')) return read_target(text.substr(1));
  if (auto index = parse_element(text, labels)) return IndexTarget{{std::move(*index)}};
  if (auto difference = parse_difference(text, labels)) return std::move(*difference);
  if (labels.empty()) {
    throw Error(Code::kInvalidArgument,
                fmt::format("-t: '{}' is no index; write argmax, 7, 3,1,2, 7:3 for a difference, @FILE.npy, or a label "
                            "with --labels FILE",
                            text));
  }
  throw Error(Code::kNotFound,
              fmt::format("-t: no label '{}'; there are {}, such as '{}'", text, labels.size(), similar(text, labels)));
}

void keep_examples(Target& target, const ExampleRange& range, std::int64_t count) {
  auto* rows = std::get_if<IndexTarget>(&target);
  if (rows == nullptr || rows->indices.size() == 1) return;
  if (static_cast<std::int64_t>(rows->indices.size()) != count) {
    throw Error(Code::kInvalidArgument,
                fmt::format("-t: the file has {} rows for {} examples", rows->indices.size(), count));
  }
  rows->indices = {rows->indices.begin() + range.first, rows->indices.begin() + range.last};
}

std::string target_text(std::int64_t index, std::span<const std::string> labels) {
  const bool labelled = index >= 0 && index < static_cast<std::int64_t>(labels.size());
  return labelled ? fmt::format("{} ({})", index, printable(labels[static_cast<std::size_t>(index)]))
                  : std::to_string(index);
}

}  // namespace mho::cli
