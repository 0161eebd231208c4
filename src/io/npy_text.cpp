// Texts in .npy: zero-dimensional arrays of type U (UTF-32) or S (bytes), as numpy.array("text") saves them.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <vector>

#include "io/npy_format.h"

namespace mho::io {

namespace {

constexpr std::size_t kMostTextBytes = std::size_t{1} << 30;
constexpr char32_t kReplacement = 0xFFFD;

bool is_scalar(char32_t c) { return c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF); }

void append_utf8(std::string& text, char32_t c) {
  if (!is_scalar(c)) c = kReplacement;
  const auto tail = [&](int shift) { text.push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3F))); };
  if (c < 0x80) {
    text.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    text.push_back(static_cast<char>(0xC0 | (c >> 6)));
    tail(0);
  } else if (c < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | (c >> 12)));
    tail(6);
    tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | (c >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::vector<char32_t> decode_utf8(std::string_view text) {
  std::vector<char32_t> result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) {
      result.push_back(lead);
      continue;
    }
    const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    bool valid = lead >= 0xC2 && lead <= 0xF4;
    char32_t c = lead & (0x3Fu >> following);
    std::size_t next = i;
    for (int k = 0; valid && k < following; ++k, ++next) {
      valid = next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80;
      if (valid) c = (c << 6) | (static_cast<unsigned char>(text[next]) & 0x3F);
    }
    const char32_t smallest = following == 3 ? 0x10000 : following == 2 ? 0x800 : 0x80;
    if (valid && c >= smallest && is_scalar(c)) {
      result.push_back(c);
      i = next;
    } else {
      result.push_back(kReplacement);
    }
  }
  return result;
}

void append_padded(std::string& bytes, const std::vector<char32_t>& characters, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) {
    const char32_t c = i < characters.size() ? characters[i] : U'\0';
    for (int k = 0; k < 4; ++k) bytes.push_back(static_cast<char>((c >> (8 * k)) & 0xFF));
  }
}

std::string read_one(ByteSource& source, const NpyHeader& header, std::string_view what) {
  if (header.item_size > source.remaining() || header.item_size > kMostTextBytes) {
    throw Error(Code::kIo, fmt::format("{}: its header says a text of {} bytes, but {} follow; it is truncated or "
                                       "damaged",
                                       what, header.item_size, source.remaining()));
  }
  std::string bytes(header.item_size, '\0');
  source.read(std::as_writable_bytes(std::span(bytes)));
  std::string text;
  if (header.kind == 'S') {
    text = std::move(bytes);
  } else {
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      char32_t c = 0;
      for (std::size_t k = 0; k < 4; ++k) {
        const std::size_t at = header.big_endian ? 3 - k : k;
        c |= static_cast<char32_t>(static_cast<unsigned char>(bytes[i + at])) << (8 * k);
      }
      append_utf8(text, c);
    }
  }
  while (!text.empty() && text.back() == '\0') text.pop_back();  // NumPy pads with zeros
  return text;
}

}  // namespace

std::optional<std::string> read_npy_text(ByteSource& source, const NpyHeader& header, std::string_view what) {
  if ((header.kind != 'U' && header.kind != 'S') || !header.shape.empty()) return std::nullopt;
  return read_one(source, header, what);
}

std::optional<std::vector<std::string>> read_npy_texts(ByteSource& source, const NpyHeader& header,
                                                       std::string_view what) {
  if ((header.kind != 'U' && header.kind != 'S') || header.shape.size() != 1) return std::nullopt;
  // Texts of no width have no bytes that would bound their number.
  if (header.item_size == 0 || static_cast<std::uint64_t>(header.shape[0]) > source.remaining() / header.item_size) {
    throw Error(Code::kIo, fmt::format("{}: its header says {} texts of {} bytes, but {} bytes follow; it is truncated "
                                       "or damaged",
                                       what, header.shape[0], header.item_size, source.remaining()));
  }
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < header.shape[0]; ++i) texts.push_back(read_one(source, header, what));
  return texts;
}

std::string npy_text(std::string_view utf8) {
  const std::vector<char32_t> characters = decode_utf8(utf8);
  // NumPy has no text type of zero width; padding reads as "".
  const std::size_t width = std::max<std::size_t>(characters.size(), 1);
  std::string bytes = npy_header(fmt::format("<U{}", width), {});
  append_padded(bytes, characters, width);
  return bytes;
}

std::string npy_texts(std::span<const std::string> utf8) {
  std::size_t width = 1;
  for (const std::string& text : utf8) width = std::max(width, decode_utf8(text).size());
  std::string bytes = npy_header(fmt::format("<U{}", width), {static_cast<std::int64_t>(utf8.size())});
  bytes.reserve(bytes.size() + 4 * width * utf8.size());
  for (const std::string& text : utf8) append_padded(bytes, decode_utf8(text), width);
  return bytes;
}

}  // namespace mho::io
