// Reading `-t` and `--labels`: which output is explained, by index, by name, or from a file.
#pragma once

#include <mho/attribution.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inputs.h"

namespace mho::cli {

/// One label per line; blank lines at the end do not count. Throws Error(kIo, kInvalidArgument).
[[nodiscard]] std::vector<std::string> read_labels(const std::filesystem::path& file);

/// "argmax"; "7"; "3,1,2"; "A:B" for output[A] - output[B]; "@labels.npy" or "@file.npz:array" with one index per
/// example; a label. Whole numbers are always indices. Throws Error (kInvalidArgument, kNotFound, kIo).
[[nodiscard]] Target parse_target(std::string_view text, std::span<const std::string> labels);

/// Indices from a file of `count` examples cut to `range`; other targets stay as they are.
/// Throws Error(kInvalidArgument) where the file has another number of rows.
void keep_examples(Target& target, const ExampleRange& range, std::int64_t count);

/// "7", or "7 (seven)" where there is a label for it.
[[nodiscard]] std::string target_text(std::int64_t index, std::span<const std::string> labels);

}  // namespace mho::cli
