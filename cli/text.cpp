// Small parsers of command-line texts, and texts made fit for a terminal.
#include "text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace mho::cli {

namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Exponent of two that a suffix of a size stands for.
std::optional<int> suffix_shift(std::string_view suffix) {
  if (suffix.empty() || suffix == "B") return 0;
  if (suffix.ends_with("iB")) {
    suffix.remove_suffix(2);
  } else if (suffix.ends_with('B')) {
    suffix.remove_suffix(1);
  }
  if (suffix == "K" || suffix == "k") return 10;
  if (suffix == "M" || suffix == "m") return 20;
  if (suffix == "G" || suffix == "g") return 30;
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) { return parse_number<std::int64_t>(text); }

std::optional<double> parse_real(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::vector<std::int64_t>> parse_integers(std::string_view text) {
  std::vector<std::int64_t> values;
  for (const std::string& part : split(text, ',')) {
    const auto value = parse_integer(part);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

std::int64_t parse_bytes(std::string_view text, std::string_view option) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = parse_integer(text.substr(0, digits));
  const auto shift = suffix_shift(text.substr(digits));
  if (!value || !shift || *value < 1 || *value > std::numeric_limits<std::int64_t>::max() >> *shift) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{}: '{}' is no size; write bytes, or a number with K, M or G", option, text));
  }
  return *value << *shift;
}

Shape parse_extents(std::string_view text, std::string_view option) {
  if (text.empty()) return {};
  std::string commas(text);
  std::ranges::replace(commas, 'x', ',');
  const auto extents = parse_integers(commas);
  if (!extents || std::ranges::any_of(*extents, [](std::int64_t extent) { return extent < 1; })) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{}: '{}' is no shape; write extents of at least 1 like 1x3x224x224", option, text));
  }
  return *extents;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto byte = static_cast<unsigned char>(result[i]);
    // C1 controls are two bytes in UTF-8: C2, then 80 to 9F.
    const bool c1 = byte == 0xC2 && i + 1 < result.size() && static_cast<unsigned char>(result[i + 1]) < 0xA0 &&
                    static_cast<unsigned char>(result[i + 1]) >= 0x80;
    if (byte < 0x20 || byte == 0x7F) result[i] = '?';
    if (c1) result.replace(i, 2, 1, '?');
  }
  return result;
}

std::string shell_quoted(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@+%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string quoted(1, '\'');
  for (const char c : text) {
    if (c == '\'') quoted.append("'\\'");
    quoted.push_back(c);
  }
  quoted.push_back('\'');
  return quoted;
}

std::string index_text(const std::vector<std::int64_t>& index) { return fmt::format("{}", fmt::join(index, ",")); }

}  // namespace mho::cli
