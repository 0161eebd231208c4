// The files of `-i` as sources of examples: opened at once, read as far as they are needed.
#pragma once

#include <mho/model.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "inputs.h"

namespace mho::cli {

/// One input's array, wherever it comes from.
struct Source {
  DType dtype = DType::f32;
  Shape shape;                     ///< of the whole
  std::vector<std::string> names;  ///< of its rows; empty where the file has none
  /// Rows along the leading axis; of a scalar (0, 1) is all of it.
  std::function<Array(std::int64_t first, std::int64_t last)> read;
};
using Sources = std::map<std::string, Source, std::less<>>;

[[nodiscard]] Source in_memory(Array array);
/// Sources one after the other along the leading axis. Throws Error(kInvalidArgument) where shapes or types differ.
[[nodiscard]] Source join(std::vector<Source> parts, const std::string& input);

/// All `-i` (or `-b`) arguments, each either NAME=FILE or FILE. Files for the same input are joined; an array that
/// lacks only the example axis gets one. Text files are checked as a whole here. Throws Error (kInvalidArgument, kIo).
[[nodiscard]] Sources open_sources(std::span<const NamedText> arguments, std::span<const Port> ports,
                                   const PictureArguments& decoding);
[[nodiscard]] Array read_all(const Source& source);
[[nodiscard]] Inputs read_all(const Sources& sources);
/// Names of the examples, from the first input that has them; else none.
[[nodiscard]] std::vector<std::string> example_names(const Sources& sources, std::span<const Port> ports);

}  // namespace mho::cli
