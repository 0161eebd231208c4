// The files of `-i` as sources of examples: opened at once, read as far as they are needed.
#include "sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/formats.h>
#include <mho/io.h>
#include <mho/rows.h>

#include <algorithm>
#include <memory>

#include "text_sources.h"

namespace mho::cli {

namespace {

using Parts = std::map<std::string, std::vector<Source>>;

const Port* find_port(std::span<const Port> ports, std::string_view name) {
  const auto it = std::ranges::find(ports, name, &Port::name);
  return it == ports.end() ? nullptr : &*it;
}

/// The input of that name, the first where it is empty. Throws Error(kInvalidArgument).
const Port& port_named(std::span<const Port> ports, std::string_view name) {
  const Port* port = name.empty() && !ports.empty() ? &ports.front() : find_port(ports, name);
  if (port == nullptr) throw Error(Code::kInvalidArgument, fmt::format("the model has no input '{}'", name));
  return *port;
}

std::string names_of(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Array reshaped(const Array& array, Shape shape) {
  Array result(array.dtype(), std::move(shape));
  std::ranges::copy(array.bytes(), result.bytes().begin());
  return result;
}

Source rows_source(std::unique_ptr<io::Rows> rows) {
  std::shared_ptr<io::Rows> shared = std::move(rows);
  return {shared->dtype(), shared->shape(), {}, [shared](std::int64_t first, std::int64_t last) {
            return shared->read(first, last);
          }};
}

Source with_example_axis(Source source, const Port& port) {
  Shape longer = source.shape;
  longer.insert(longer.begin(), 1);
  if (port.shape.empty() || fits(port, source.shape) || !has_example_axis(port, longer) || !fits(port, longer)) {
    return source;
  }
  const std::int64_t all = source.shape.empty() ? 1 : source.shape[0];
  const auto read = [source, longer, all](std::int64_t first, std::int64_t last) {
    if (first != 0 || last != 1) throw Error(Code::kInvalidArgument, "there is only one example");
    return reshaped(source.read(0, all), longer);
  };
  return {source.dtype, longer, {}, read};
}

/// An archive, or an HDF5 file: arrays with names, of which those for inputs are opened.
void open_archive(const FileReference& reference, const std::string& input, std::span<const Port> ports,
                  std::span<const io::ArrayEntry> entries, const std::function<Source(const std::string&)>& open,
                  Parts& parts) {
  if (!reference.array.empty()) {
    parts[port_named(ports, input).name].push_back(open(reference.array));
    return;
  }
  if (!input.empty() || ports.size() == 1) {
    const Port& port = port_named(ports, input);
    parts[port.name].push_back(open(choose_array(port, entries, reference.file)));
    return;
  }
  bool any = false;
  for (const Port& port : ports) {
    if (std::ranges::find(entries, port.name, &io::ArrayEntry::name) == entries.end()) continue;
    parts[port.name].push_back(open(port.name));
    any = true;
  }
  if (!any) {
    throw Error(Code::kInvalidArgument,
                fmt::format("no array of {} has the name of an input ({}); it has: {}; say "
                            "which is which with -i INPUT={}:ARRAY",
                            reference.file.string(), names_of(ports), list_arrays(entries), reference.file.string()));
  }
}

void open_npz(const FileReference& reference, const std::string& input, std::span<const Port> ports, Parts& parts) {
  auto arrays = io::read_npz(reference.file);
  std::vector<io::ArrayEntry> entries;
  for (const auto& [name, array] : arrays) entries.push_back({name, array.dtype(), array.shape()});
  const auto open = [&](const std::string& name) {
    const auto it = arrays.find(name);
    if (it != arrays.end()) return in_memory(it->second);
    throw Error(Code::kInvalidArgument,
                fmt::format("{} has no array '{}'; it has: {}", reference.file.string(), name, list_arrays(entries)));
  };
  open_archive(reference, input, ports, entries, open, parts);
}

void open_hdf5(const FileReference& reference, const std::string& input, std::span<const Port> ports, Parts& parts) {
  const auto entries = reference.array.empty() ? io::list_hdf5(reference.file) : std::vector<io::ArrayEntry>{};
  const auto open = [&](const std::string& name) { return rows_source(io::open_hdf5_rows(reference.file, name)); };
  open_archive(reference, input, ports, entries, open, parts);
}

/// `-i *.png` is one source, however many words it is.
using PictureLists = std::map<std::string, std::vector<std::filesystem::path>>;

void flush(PictureLists& lists, const std::string& input, std::span<const Port> ports, const PictureArguments& decoding,
           Parts& parts) {
  auto list = lists.extract(input);
  if (list.empty()) return;
  parts[input].push_back(picture_source(std::move(list.mapped()), port_named(ports, input), decoding));
}

}  // namespace

Source in_memory(Array array) {
  const auto shared = std::make_shared<const Array>(std::move(array));
  const auto read = [shared](std::int64_t first, std::int64_t last) {
    Shape shape = shared->shape();
    if (shape.empty() || (first == 0 && last == shape[0])) return *shared;
    if (first < 0 || first > last || last > shape[0]) {
      throw Error(Code::kInvalidArgument, fmt::format("there are no rows {} to {} of {}", first, last, shape[0]));
    }
    const std::size_t stride = shared->bytes().size() / static_cast<std::size_t>(shape[0]);
    shape[0] = last - first;
    Array part(shared->dtype(), shape);
    const auto from = shared->bytes().subspan(stride * static_cast<std::size_t>(first), part.bytes().size());
    std::ranges::copy(from, part.bytes().begin());
    return part;
  };
  return {shared->dtype(), shared->shape(), {}, read};
}

Source join(std::vector<Source> parts, const std::string& input) {
  if (parts.size() == 1) return std::move(parts[0]);
  Source whole{parts[0].dtype, parts[0].shape, {}, {}};
  std::vector<std::int64_t> ends;
  bool named = true;
  for (const Source& part : parts) {
    const bool same = part.dtype == whole.dtype && !part.shape.empty() && part.shape.size() == whole.shape.size() &&
                      std::equal(whole.shape.begin() + 1, whole.shape.end(), part.shape.begin() + 1);
    if (!same) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("files of {} {} and {} {} cannot be joined for input '{}'; for pictures, give --size",
                              to_string(whole.dtype), to_string(whole.shape), to_string(part.dtype),
                              to_string(part.shape), input));
    }
    ends.push_back((ends.empty() ? 0 : ends.back()) + part.shape[0]);
    named = named && static_cast<std::int64_t>(part.names.size()) == part.shape[0];
  }
  for (Source& part : parts) {
    if (named) whole.names.insert(whole.names.end(), part.names.begin(), part.names.end());
    part.names.clear();
  }
  whole.shape[0] = ends.back();
  whole.read = [parts = std::move(parts), ends, input](std::int64_t first, std::int64_t last) {
    std::vector<Array> read;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::int64_t start = ends[i] - parts[i].shape[0];
      const std::int64_t from = std::max(first, start);
      const std::int64_t to = std::min(last, ends[i]);
      if (from < to) read.push_back(parts[i].read(from - start, to - start));
    }
    return read.empty() ? parts[0].read(0, 0) : concatenate(read, input);
  };
  return whole;
}

Sources open_sources(std::span<const NamedText> arguments, std::span<const Port> ports,
                     const PictureArguments& decoding) {
  Parts parts;
  PictureLists pictures;
  for (const NamedText& argument : arguments) {
    const FileReference reference = parse_reference(argument.value);
    const Port& port = port_named(ports, argument.input);
    const std::string extension = io::text_extension(reference.file);
    if (io::is_image_path(reference.file)) {
      pictures[port.name].push_back(reference.file);
      continue;
    }
    flush(pictures, port.name, ports, decoding, parts);  // what comes next follows the pictures before it
    if (std::filesystem::is_directory(reference.file)) {
      parts[port.name].push_back(picture_source(pictures_in(reference.file), port, decoding));
    } else if (reference.file.extension() == ".gz" && !is_text_file(reference.file)) {
      throw Error(Code::kInvalidArgument, fmt::format("'{}': of gzipped files only FASTA, tables and JSON are read; "
                                                      "unpack it first",
                                                      argument.value));
    } else if (extension == ".npz") {
      open_npz(reference, argument.input, ports, parts);
    } else if (extension == ".npy") {
      parts[port.name].push_back(rows_source(io::open_npy_rows(reference.file)));
    } else if (io::is_hdf5_path(reference.file)) {
      open_hdf5(reference, argument.input, ports, parts);
    } else if (io::is_fasta_path(reference.file)) {
      parts[port.name].push_back(fasta_source(reference.file, port, decoding));
    } else if (io::is_table_path(reference.file)) {
      parts[port.name].push_back(table_source(reference.file, reference.array, port));
    } else if (extension == ".json") {
      for (auto& [name, source] : json_sources(reference, argument.input, ports, decoding)) {
        parts[name].push_back(std::move(source));
      }
    } else {
      throw Error(Code::kInvalidArgument,
                  fmt::format("'{}': no .npy, .npz, .h5, .fa, .csv, .tsv, .json, .png, .jpg, .bmp, .pgm or .ppm file, "
                              "and no folder of pictures",
                              argument.value));
    }
  }
  while (!pictures.empty()) flush(pictures, std::string(pictures.begin()->first), ports, decoding, parts);
  Sources sources;
  for (auto& [name, list] : parts) {
    const Port& port = port_named(ports, name);
    for (Source& source : list) source = with_example_axis(std::move(source), port);
    sources.emplace(name, join(std::move(list), name));
  }
  return sources;
}

Array read_all(const Source& source) { return source.read(0, source.shape.empty() ? 1 : source.shape[0]); }

Inputs read_all(const Sources& sources) {
  Inputs inputs;
  for (const auto& [name, source] : sources) inputs.emplace(name, read_all(source));
  return inputs;
}

std::vector<std::string> example_names(const Sources& sources, std::span<const Port> ports) {
  for (const Port& port : ports) {
    const auto it = sources.find(port.name);
    if (it != sources.end() && !it->second.names.empty() && has_example_axis(port, it->second.shape)) {
      return it->second.names;
    }
  }
  return {};
}

}  // namespace mho::cli
