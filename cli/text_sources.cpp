// Sequences, tables, token lists and pictures as sources of examples in the shape that an input declares.
#include "text_sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/formats.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "text.h"

namespace mho::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPictures = 10'000'000;

/// The port's shape for `rows` rows of `size` numbers each, where its extents leave no choice.
std::optional<Shape> shape_for(const Port& port, std::int64_t rows, std::int64_t size) {
  Shape shape = port.shape;
  if (shape.empty()) return std::nullopt;
  shape[0] = rows;
  std::int64_t known = 1;
  std::int64_t* open = nullptr;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    if (shape[axis] >= 0) {
      if (shape[axis] != 0 && known > size / shape[axis]) return std::nullopt;
      known *= shape[axis];
    } else if (open == nullptr) {
      open = &shape[axis];
    } else {
      return std::nullopt;
    }
  }
  if (known == 0 || size % known != 0 || (open == nullptr && known != size)) return std::nullopt;
  if (open != nullptr) *open = size / known;
  return shape;
}

bool is_integer(const Port& port) { return port.type.find("int") != std::string::npos; }

/// Rows of numbers in the shape and kind that the port wants.
Array for_port(const Array& rows, const Port& port, const std::string& what) {
  Array values = rows;
  if (is_integer(port) && rows.dtype() == DType::f64) {
    const auto numbers = rows.as<double>();
    const auto bad = std::ranges::find_if(numbers, [](double v) { return v != std::floor(v) || std::abs(v) > 0x1p53; });
    if (bad != numbers.end()) {
      throw Error(Code::kInvalidArgument, fmt::format("{}: {} is no whole number, as input '{}' ({}) needs", what, *bad,
                                                      port.name, describe(port)));
    }
    values = rows.to(DType::i64);
  }
  const auto shape = shape_for(port, rows.shape()[0], rows.shape()[1]);
  if (!shape && !fits(port, rows.shape())) {
    throw Error(Code::kInvalidArgument, fmt::format("{}: {} numbers in each row do not fit input '{}' ({})", what,
                                                    rows.shape()[1], port.name, describe(port)));
  }
  if (!shape) return values;
  Array result(values.dtype(), *shape);
  std::ranges::copy(values.bytes(), result.bytes().begin());
  return result;
}

/// Where the letters of an input lie.
struct OneHotLayout {
  bool letters_last = false;
  std::int64_t length = 0;  ///< 0: any
  Shape ones;               ///< the input's shape with letters and positions as -1, or empty: [N, 4, L]
};

OneHotLayout one_hot_layout(const Port& port) {
  if (port.shape.empty()) return {};
  std::vector<std::size_t> axes;  // that are more than 1
  for (std::size_t axis = 1; axis < port.shape.size(); ++axis) {
    if (port.shape[axis] != 1) axes.push_back(axis);
  }
  OneHotLayout layout;
  layout.ones = port.shape;
  if (axes.size() == 1 && port.shape[axes[0]] == 4) axes.push_back(axes[0] + 1);  // one position
  const auto extent = [&](std::size_t i) { return axes[i] < port.shape.size() ? port.shape[axes[i]] : 1; };
  const bool two = axes.size() == 2 && axes[1] < port.shape.size();
  const bool first = two && (extent(0) == 4 || (extent(0) < 0 && extent(1) != 4));
  const bool last = two && !first && extent(1) == 4;
  if (!first && !last) {
    throw Error(Code::kInvalidArgument,
                fmt::format("input '{}' ({}) takes no one-hot sequences: [N, 4, L] or [N, L, 4] with other axes of 1 "
                            "are needed",
                            port.name, describe(port)));
  }
  layout.letters_last = last;
  layout.length = std::max<std::int64_t>(extent(first ? 1 : 0), 0);
  for (const std::size_t axis : axes) layout.ones[axis] = -1;
  return layout;
}

Shape one_hot_shape(const OneHotLayout& layout, std::int64_t rows, std::int64_t length) {
  if (layout.ones.empty()) return {rows, 4, length};
  Shape shape = layout.ones;
  shape[0] = rows;
  bool is_first = true;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    if (shape[axis] != -1) continue;
    shape[axis] = is_first != layout.letters_last ? 4 : length;
    is_first = false;
  }
  return shape;
}

/// `--pad ID` for all inputs, `--pad NAME=ID` for one.
std::optional<double> padding_of(const std::vector<std::string>& arguments, const std::string& input) {
  std::optional<double> all;
  for (const std::string& text : arguments) {
    const std::size_t at = text.rfind('=');
    const auto value = parse_real(at == std::string::npos ? text : text.substr(at + 1));
    if (!value) throw Error(Code::kInvalidArgument, fmt::format("--pad: '{}' is neither ID nor NAME=ID", text));
    if (at == std::string::npos) {
      all = value;
    } else if (text.substr(0, at) == input) {
      return value;
    }
  }
  return all;
}

}  // namespace

Source fasta_source(const fs::path& file, const Port& port, const PictureArguments& decoding) {
  const OneHotLayout layout = one_hot_layout(port);
  const auto sequences = std::make_shared<io::Sequences>(io::read_fasta(file, layout.length));
  Source source;
  source.shape = one_hot_shape(layout, static_cast<std::int64_t>(sequences->names.size()), sequences->length);
  source.names = std::move(sequences->names);
  sequences->names.resize(source.names.size());
  source.read = [sequences, layout, unknown = decoding.unknown_letter](std::int64_t first, std::int64_t last) {
    const Array letters = io::one_hot(*sequences, first, last, layout.letters_last, unknown);
    Array shaped(letters.dtype(), one_hot_shape(layout, last - first, sequences->length));
    std::ranges::copy(letters.bytes(), shaped.bytes().begin());
    return shaped;
  };
  return source;
}

Source table_source(const fs::path& file, const std::string& columns, const Port& port) {
  const std::vector<std::string> names = columns.empty() ? std::vector<std::string>{} : split(columns, ',');
  return in_memory(for_port(io::read_table(file, names).values, port, file.string()));
}

std::map<std::string, Source> json_sources(const FileReference& reference, const std::string& input,
                                           std::span<const Port> ports, const PictureArguments& decoding) {
  const std::string file = reference.file.string();
  const auto members = io::read_json_lists(reference.file);
  std::map<std::string, Source> sources;
  const auto add = [&](const Port& port, const std::string& member) {
    const auto it = members.find(member);
    if (it == members.end()) {
      std::vector<std::string> there;
      for (const auto& [name, lists] : members) there.push_back(name);
      throw Error(Code::kInvalidArgument,
                  fmt::format("{} has no member '{}'; it has: {}", file, member, fmt::join(there, ", ")));
    }
    const std::string what = member.empty() ? file : fmt::format("{}, '{}'", file, member);
    const std::int64_t length = port.shape.size() == 2 ? std::max<std::int64_t>(port.shape[1], 0) : 0;
    const Array rows = io::to_array(it->second, length, padding_of(decoding.padding, port.name), what);
    sources.emplace(port.name, in_memory(for_port(rows, port, what)));
  };
  const auto named = std::ranges::find(ports, input, &Port::name);
  const Port& first = named == ports.end() ? ports.front() : *named;
  if (members.contains("") || !reference.array.empty()) {
    add(first, reference.array);
  } else if (!input.empty()) {
    add(first, input);
  } else {
    for (const Port& port : ports) {
      if (members.contains(port.name)) add(port, port.name);
    }
    if (sources.empty()) add(first, first.name);
  }
  return sources;
}

Source picture_source(std::vector<fs::path> files, const Port& port, const PictureArguments& decoding) {
  const io::ImageOptions options = picture_options(decoding, port);
  Source source;
  source.shape = io::read_image(files.front(), options).shape();
  source.shape[0] = static_cast<std::int64_t>(files.size());
  for (const fs::path& file : files) source.names.push_back(file.string());
  const auto list = std::make_shared<const std::vector<fs::path>>(std::move(files));
  source.read = [list, options, shape = source.shape, name = port.name](std::int64_t first, std::int64_t last) {
    Shape all = shape;
    all[0] = last - first;
    Array pictures(DType::f32, all);
    auto into = pictures.bytes();
    for (std::int64_t i = first; i < last; ++i) {
      const fs::path& file = (*list)[static_cast<std::size_t>(i)];
      const Array picture = io::read_image(file, options);
      if (!std::equal(shape.begin() + 1, shape.end(), picture.shape().begin() + 1)) {
        throw Error(
            Code::kInvalidArgument,
            fmt::format("{} is {} where {} is {}: pictures of different sizes cannot be joined for input '{}'; "
                        "give --size",
                        file.string(), to_string(picture.shape()), list->front().string(), to_string(shape), name));
      }
      std::ranges::copy(picture.bytes(), into.begin());
      into = into.subspan(picture.bytes().size());
    }
    return pictures;
  };
  return source;
}

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> files;
  const auto add = [&](const fs::path& file) {
    if (!io::is_image_path(file) || !fs::is_regular_file(file)) return;
    if (files.size() == kMostPictures) {
      throw Error(Code::kLimit, fmt::format("{}: has more than {} pictures", folder.string(), kMostPictures));
    }
    files.push_back(file);
  };
  try {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!entry.is_directory()) {
        add(entry.path());
        continue;
      }
      for (const auto& inner : fs::directory_iterator(entry.path())) add(inner.path());
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(Code::kIo, fmt::format("{}: cannot be listed: {}", folder.string(), error.code().message()));
  }
  if (files.empty()) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{}: the folder has no .png, .jpg, .bmp, .pgm or .ppm pictures", folder.string()));
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace mho::cli
