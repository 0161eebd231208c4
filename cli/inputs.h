// Reading `-i` arguments: arrays and pictures from files, as inputs of a model.
#pragma once

#include <mho/io.h>
#include <mho/model.h>
#include <mho/rows.h>

#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mho::cli {

/// FILE, or behind the ending of an archive, an HDF5 file, a table or JSON FILE:ARRAY.
struct FileReference {
  std::filesystem::path file;
  std::string array;  ///< data set, member or comma-separated columns; "": none named
};
[[nodiscard]] FileReference parse_reference(std::string_view text);

/// NAME=VALUE, or VALUE alone: then `input` is empty.
struct NamedText {
  std::string input;
  std::string value;
};
/// Throws Error(kInvalidArgument) where NAME is no input and the whole is no file either.
[[nodiscard]] NamedText parse_named(std::string_view text, std::span<const Port> ports);

/// How pictures, sequences and lists of tokens are decoded. What is not told follows from the shape that the input
/// declares.
struct PictureArguments {
  std::string size;  ///< "HxW"
  std::vector<double> mean;
  std::vector<double> stddev;
  double scale = 1.0 / 255.0;
  bool bgr = false;
  bool grey = false;
  bool channels_last = false;
  double unknown_letter = 0;         ///< of a sequence: what stands in all four rows where the letter is not known
  std::vector<std::string> padding;  ///< "ID" or "NAME=ID": what shorter lists are filled up with
};
/// Throws Error(kInvalidArgument) for a size that is none.
[[nodiscard]] io::ImageOptions picture_options(const PictureArguments& arguments, const Port& port);

/// Whether an array of this shape can be given to the port: the same rank, the same fixed extents, any leading one
/// where that is the example axis.
[[nodiscard]] bool fits(const Port& port, const Shape& shape);
/// The leading extent counts examples: it is symbolic or 1 in the model, unless the port says otherwise.
[[nodiscard]] bool has_example_axis(const Port& port, const Shape& shape);
/// "float [N, 1, 8, 8]".
[[nodiscard]] std::string describe(const Port& port);

/// One array of an archive for one input: the one of its name; else the only one that fits; else the one that fits and
/// has a usual name (images, x, input, data, …). Throws Error(kInvalidArgument) listing what is there.
[[nodiscard]] std::string choose_array(const Port& port, std::span<const io::ArrayEntry> entries,
                                       const std::filesystem::path& file);
/// "x float32 [3, 4], y int64 [3]".
[[nodiscard]] std::string list_arrays(std::span<const io::ArrayEntry> entries);

/// Whether `file` has the ending of a file that `-i` reads.
[[nodiscard]] bool is_input_file(const std::filesystem::path& file);
/// FASTA, a table or JSON; these may be gzipped.
[[nodiscard]] bool is_text_file(const std::filesystem::path& file);

/// Arrays joined along their leading axis. Throws Error(kInvalidArgument) where shapes or types differ.
[[nodiscard]] Array concatenate(std::span<const Array> parts, const std::string& input);

/// All `-i` (or `-b`) arguments, each either NAME=FILE or FILE. Arrays for the same input are joined; an array that
/// lacks only the example axis gets one. Throws Error (kInvalidArgument, kIo).
[[nodiscard]] Inputs read_inputs(std::span<const NamedText> arguments, std::span<const Port> ports,
                                 const PictureArguments& pictures);

/// Examples first <= i < last.
struct ExampleRange {
  std::int64_t first = 0;
  std::int64_t last = std::numeric_limits<std::int64_t>::max();  ///< cut at the number of examples
};
/// "A:B", "A:", ":B", or "A" for one. Throws Error(kInvalidArgument).
[[nodiscard]] ExampleRange parse_examples(std::string_view text);
/// The range with its end made plain. Throws Error(kInvalidArgument) where it reaches beyond `count`.
[[nodiscard]] ExampleRange limit(ExampleRange range, std::int64_t count);
[[nodiscard]] std::int64_t count_examples(const Inputs& inputs, std::span<const Port> ports);
/// `range` of every input that has `count` examples, with the range's end made plain.
/// Throws Error(kInvalidArgument) where it reaches beyond `count`.
ExampleRange keep_examples(Inputs& inputs, std::span<const Port> ports, ExampleRange range, std::int64_t count);

}  // namespace mho::cli
