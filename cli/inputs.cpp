// Reading `-i` arguments: arrays and pictures from files, as inputs of a model.
#include "inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/formats.h>

#include <algorithm>
#include <array>

#include "sources.h"
#include "text.h"

namespace mho::cli {

namespace {

constexpr std::array<std::string_view, 8> kUsualNames = {"images", "image", "x",      "input",
                                                         "inputs", "data",  "x_test", "arr_0"};

// Behind these a colon and the name of an array, data set, member or columns may follow.
constexpr std::array<std::string_view, 13> kArchives = {
    ".npz:", ".h5:",   ".hdf5:",   ".hdf:",    ".he5:",    ".csv:",    ".tsv:",
    ".tab:", ".json:", ".csv.gz:", ".tsv.gz:", ".tab.gz:", ".json.gz:"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return 'A' <= c && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return result;
}

std::string names_of(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

const Port* find_port(std::span<const Port> ports, std::string_view name) {
  const auto it = std::ranges::find(ports, name, &Port::name);
  return it == ports.end() ? nullptr : &*it;
}

}  // namespace

std::string list_arrays(std::span<const io::ArrayEntry> entries) {
  std::vector<std::string> lines;
  for (const io::ArrayEntry& entry : entries) {
    lines.push_back(fmt::format("{} {} {}", entry.name, to_string(entry.dtype), to_string(entry.shape)));
  }
  return lines.empty() ? "none" : fmt::format("{}", fmt::join(lines, ", "));
}

FileReference parse_reference(std::string_view text) {
  std::size_t end = 0;  // of the file's name
  for (const std::string_view mark : kArchives) {
    const std::size_t at = text.rfind(mark);
    if (at != std::string_view::npos) end = std::max(end, at + mark.size() - 1);
  }
  if (end == 0 || std::filesystem::exists(std::filesystem::path(text))) return {std::filesystem::path(text), {}};
  return {std::filesystem::path(text.substr(0, end)), std::string(text.substr(end + 1))};
}

NamedText parse_named(std::string_view text, std::span<const Port> ports) {
  if (ports.empty()) throw Error(Code::kInvalidArgument, "the model has no inputs: there is nothing to attribute to");
  if (text.empty()) throw Error(Code::kInvalidArgument, "an input is named by an empty text; give a file");
  for (std::size_t at = text.find('='); at != std::string_view::npos; at = text.find('=', at + 1)) {
    if (find_port(ports, text.substr(0, at)) != nullptr) {
      return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
    }
  }
  if (text.find('=') != std::string_view::npos && !std::filesystem::exists(parse_reference(text).file)) {
    throw Error(Code::kInvalidArgument, fmt::format("'{}': the model has no input '{}'; it has: {}", text,
                                                    text.substr(0, text.find('=')), names_of(ports)));
  }
  return {{}, std::string(text)};
}

io::ImageOptions picture_options(const PictureArguments& arguments, const Port& port) {
  io::ImageOptions options;
  options.mean = arguments.mean;
  options.stddev = arguments.stddev;
  options.scale = arguments.scale;
  options.bgr = arguments.bgr;

  const bool is_image = port.shape.size() == 4;
  const auto declares_channels = [&](std::size_t axis) {
    return is_image && (port.shape[axis] == 1 || port.shape[axis] == 3);
  };
  options.channels_last = arguments.channels_last || (declares_channels(3) && !declares_channels(1));
  const std::size_t channels = options.channels_last ? 3 : 1;
  const std::size_t height = options.channels_last ? 1 : 2;
  options.channels = arguments.grey || (declares_channels(channels) && port.shape[channels] == 1) ? 1 : 3;
  if (!arguments.size.empty()) {
    const Shape size = parse_extents(arguments.size, "--size");
    if (size.size() != 2) {
      throw Error(Code::kInvalidArgument, fmt::format("--size: '{}' is not HEIGHTxWIDTH", arguments.size));
    }
    options.height = size[0];
    options.width = size[1];
  } else if (is_image && port.shape[height] > 0 && port.shape[height + 1] > 0) {
    options.height = port.shape[height];
    options.width = port.shape[height + 1];
  }
  return options;
}

bool has_example_axis(const Port& port, const Shape& shape) {
  return port.example_axis && !shape.empty() && (port.shape.empty() || port.shape[0] < 0 || port.shape[0] == 1);
}

bool fits(const Port& port, const Shape& shape) {
  if (port.shape.empty()) return true;
  if (shape.size() != port.shape.size()) return false;
  for (std::size_t i = has_example_axis(port, shape) ? 1 : 0; i < shape.size(); ++i) {
    if (port.shape[i] >= 0 && port.shape[i] != shape[i]) return false;
  }
  return true;
}

std::string describe(const Port& port) {
  std::vector<std::string> extents;
  for (std::size_t i = 0; i < port.shape.size(); ++i) {
    const bool named = i < port.symbols.size() && !port.symbols[i].empty();
    extents.push_back(port.shape[i] >= 0 ? std::to_string(port.shape[i]) : named ? port.symbols[i] : "?");
  }
  return fmt::format("{} [{}]", port.type, fmt::join(extents, ", "));
}

std::string choose_array(const Port& port, std::span<const io::ArrayEntry> entries, const std::filesystem::path& file) {
  std::vector<std::string> fitting;
  for (const io::ArrayEntry& entry : entries) {
    if (entry.name == port.name) return port.name;
    if (fits(port, entry.shape)) fitting.push_back(entry.name);
  }
  if (fitting.size() == 1) return fitting[0];
  for (const std::string_view usual : kUsualNames) {
    const auto it = std::ranges::find_if(fitting, [&](const std::string& name) { return lower(name) == usual; });
    if (it != fitting.end()) return *it;
  }
  throw Error(Code::kInvalidArgument,
              fmt::format("{}: {} for input '{}' ({}); it has: {}; name one with -i {}:ARRAY", file.string(),
                          fitting.empty() ? "no array fits" : "several arrays would do", port.name, describe(port),
                          list_arrays(entries), file.string()));
}

bool is_text_file(const std::filesystem::path& file) {
  return io::is_fasta_path(file) || io::is_table_path(file) || io::text_extension(file) == ".json";
}

bool is_input_file(const std::filesystem::path& file) {
  const std::string extension = lower(file.extension().string());
  return extension == ".npz" || extension == ".npy" || io::is_hdf5_path(file) || is_text_file(file) ||
         io::is_image_path(file) || std::filesystem::is_directory(file);
}

Array concatenate(std::span<const Array> parts, const std::string& input) {
  if (parts.size() == 1) return parts[0];
  Shape shape = parts[0].shape();
  std::int64_t examples = 0;
  for (const Array& part : parts) {
    const bool same = part.dtype() == parts[0].dtype() && !part.shape().empty() &&
                      part.shape().size() == shape.size() &&
                      std::equal(shape.begin() + 1, shape.end(), part.shape().begin() + 1);
    if (!same) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("files of {} {} and {} {} cannot be joined for input '{}'; for pictures, give --size",
                              to_string(parts[0].dtype()), to_string(shape), to_string(part.dtype()),
                              to_string(part.shape()), input));
    }
    examples += part.shape()[0];
  }
  shape[0] = examples;
  Array whole(parts[0].dtype(), shape);
  auto into = whole.bytes();
  for (const Array& part : parts) {
    std::ranges::copy(part.bytes(), into.begin());
    into = into.subspan(part.bytes().size());
  }
  return whole;
}

Inputs read_inputs(std::span<const NamedText> arguments, std::span<const Port> ports,
                   const PictureArguments& pictures) {
  return read_all(open_sources(arguments, ports, pictures));
}

ExampleRange parse_examples(std::string_view text) {
  const std::vector<std::string> ends = split(text, ':');
  ExampleRange range;
  bool good = ends.size() <= 2 && !text.empty();
  const auto read = [&](const std::string& end, std::int64_t& value) {
    if (end.empty()) return;
    const auto number = parse_integer(end);
    good = good && number.has_value() && *number >= 0;
    value = number.value_or(0);
  };
  read(ends[0], range.first);
  if (ends.size() == 2) read(ends[1], range.last);
  if (good && ends.size() == 1) range.last = range.first + 1;
  if (!good || range.first >= range.last) {
    throw Error(Code::kInvalidArgument,
                fmt::format("--examples: '{}' is no range; write FIRST:END (END excluded), counted from 0", text));
  }
  return range;
}

std::int64_t count_examples(const Inputs& inputs, std::span<const Port> ports) {
  for (const Port& port : ports) {
    const auto it = inputs.find(port.name);
    if (it != inputs.end() && has_example_axis(port, it->second.shape())) return it->second.shape()[0];
  }
  return 1;
}

ExampleRange limit(ExampleRange range, std::int64_t count) {
  const bool open = range.last == std::numeric_limits<std::int64_t>::max();
  if (range.first >= count || (!open && range.last > count)) {
    throw Error(Code::kInvalidArgument, fmt::format("--examples: there are {} examples, counted from 0", count));
  }
  range.last = std::min(range.last, count);
  return range;
}

ExampleRange keep_examples(Inputs& inputs, std::span<const Port> ports, ExampleRange range, std::int64_t count) {
  range = limit(range, count);
  for (auto& [name, array] : inputs) {
    const Port* port = find_port(ports, name);
    if (port == nullptr || !has_example_axis(*port, array.shape()) || array.shape()[0] != count) continue;
    Shape shape = array.shape();
    const std::size_t stride = array.bytes().size() / static_cast<std::size_t>(count);
    shape[0] = range.last - range.first;
    Array kept(array.dtype(), shape);
    const auto from = array.bytes().subspan(stride * static_cast<std::size_t>(range.first), kept.bytes().size());
    std::ranges::copy(from, kept.bytes().begin());
    array = std::move(kept);
  }
  return range;
}

}  // namespace mho::cli
