// Small parsers of command-line texts, and texts made fit for a terminal.
#pragma once

#include <mho/array.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mho::cli {

/// The whole of `text` as a decimal integer or a finite number; none if it is something else.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
[[nodiscard]] std::optional<double> parse_real(std::string_view text);
/// "3,1,2" as integers; none if any part is no integer.
[[nodiscard]] std::optional<std::vector<std::int64_t>> parse_integers(std::string_view text);

/// "512M", "2G", "65536": bytes, K = 1024. Throws Error(kInvalidArgument) naming `option`.
[[nodiscard]] std::int64_t parse_bytes(std::string_view text, std::string_view option);
/// "1x3x224x224" or "1,3,224,224"; "" is a scalar. Extents are at least 1. Throws Error(kInvalidArgument).
[[nodiscard]] Shape parse_extents(std::string_view text, std::string_view option);

/// Parts between `separator`; one part if there is none.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
/// `text` with control characters as '?': names in a model must not steer a terminal.
[[nodiscard]] std::string printable(std::string_view text);
/// `text` in quotes if a POSIX shell would read it as more than one plain word.
[[nodiscard]] std::string shell_quoted(std::string_view text);
/// "12,3,4": an index into an array.
[[nodiscard]] std::string index_text(const std::vector<std::int64_t>& index);

}  // namespace mho::cli
