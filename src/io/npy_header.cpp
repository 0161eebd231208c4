// Reads and writes the header of .npy: a literal Python dictionary with descr, fortran_order and shape.
#include <fmt/format.h>
#include <mho/error.h>

#include <charconv>
#include <cstring>

#include "io/npy_format.h"

namespace mho::io {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMostHeaderBytes = 65536;
constexpr std::size_t kMostAxes = 64;

/// A cursor over the dictionary; every step either succeeds or throws.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  NpyHeader parse() {
    bool seen_descr = false;
    bool seen_order = false;
    bool seen_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr") {
        descr(seen_descr);
      } else if (key == "fortran_order") {
        once(seen_order, key);
        header_.fortran_order = boolean();
      } else if (key == "shape") {
        once(seen_shape, key);
        header_.shape = shape();
      } else {
        fail(fmt::format("has an unknown header entry '{}'", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (position_ != text_.size()) fail("has text after its header dictionary");
    if (!seen_descr || !seen_order || !seen_shape) fail("has a header without descr, fortran_order or shape");
    return header_;
  }

 private:
  [[noreturn]] void fail(std::string_view why) const {
    throw Error(Code::kIo, fmt::format("{}: {}; it is not a valid .npy array", what_, why));
  }

  void once(bool& seen, std::string_view key) const {
    if (seen) fail(fmt::format("gives '{}' twice in its header", key));
    seen = true;
  }

  void skip_spaces() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
  }

  bool accept(char c) {
    skip_spaces();
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(fmt::format("has a header in which '{}' is missing at character {}", c, position_));
  }

  std::string_view string() {
    skip_spaces();
    if (position_ >= text_.size() || (text_[position_] != '\'' && text_[position_] != '"')) {
      fail("has a header in which a quoted name is missing");
    }
    const char quote = text_[position_++];
    const std::size_t end = text_.find(quote, position_);
    if (end == std::string_view::npos) fail("has an unfinished string in its header");
    const std::string_view value = text_.substr(position_, end - position_);
    position_ = end + 1;
    return value;
  }

  bool word(std::string_view expected) {
    skip_spaces();
    if (text_.substr(position_, expected.size()) != expected) return false;
    position_ += expected.size();
    return true;
  }

  bool boolean() {
    if (word("True")) return true;
    if (word("False")) return false;
    fail("has a fortran_order that is neither True nor False");
  }

  Shape shape() {
    Shape extents;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::int64_t extent = 0;
      const char* begin = text_.data() + position_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0) fail("has a shape with something else than extents");
      position_ += static_cast<std::size_t>(end - begin);
      word("L");  // Python 2 wrote long integers so
      if (extents.size() == kMostAxes) fail(fmt::format("has more than {} axes", kMostAxes));
      extents.push_back(extent);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return extents;
  }

  void descr(bool& seen) {
    once(seen, "descr");
    skip_spaces();
    if (position_ < text_.size() && text_[position_] == '[') {
      throw Error(Code::kUnsupported,
                  fmt::format("{}: is a structured array; save one plain array per field instead", what_));
    }
    const std::string_view value = string();
    if (value.size() < 2) fail(fmt::format("has the unknown type '{}'", value));
    std::size_t at = 0;
    const bool ordered = value[0] == '<' || value[0] == '>' || value[0] == '|' || value[0] == '=';
    if (ordered) {
      header_.big_endian = value[0] == '>';
      at = 1;
    }
    header_.kind = value[at++];
    if (header_.kind == 'O') {
      throw Error(Code::kUnsupported,
                  fmt::format("{}: holds Python objects (pickle), which are never loaded; save it as numbers", what_));
    }
    std::size_t units = 0;
    const char* last = value.data() + value.size();
    const auto [end, error] = std::from_chars(value.data() + at, last, units);
    if (error != std::errc() || end != last || units > (std::size_t{1} << 32)) {
      throw Error(Code::kUnsupported, fmt::format("{}: has elements of type '{}'; integers, floats and booleans are "
                                                  "supported (convert with astype)",
                                                  what_, value));
    }
    header_.item_size = header_.kind == 'U' ? 4 * units : units;
  }

  std::string_view text_;
  std::string_view what_;
  std::size_t position_ = 0;
  NpyHeader header_;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, std::string_view what) { return HeaderParser(text, what).parse(); }

NpyHeader read_npy_header(ByteSource& source, std::string_view what) {
  const auto fail = [&](std::string_view why) { throw Error(Code::kIo, fmt::format("{}: {}", what, why)); };
  unsigned char start[8];
  if (source.remaining() < sizeof start) fail("is too short for a .npy array");
  source.read(std::as_writable_bytes(std::span(start)));
  if (std::memcmp(start, kMagic.data(), kMagic.size()) != 0)
    fail("is not a .npy array (it does not begin with \\x93NUMPY)");
  const unsigned version = start[6];
  if (version < 1 || version > 3) fail(fmt::format("has .npy version {}; 1 to 3 are supported", version));
  unsigned char length_bytes[4] = {};
  const std::size_t width = version == 1 ? 2 : 4;
  if (source.remaining() < width) fail("ends inside its header");
  source.read(std::as_writable_bytes(std::span(length_bytes, width)));
  std::size_t length = 0;
  for (std::size_t i = 0; i < width; ++i) length |= static_cast<std::size_t>(length_bytes[i]) << (8 * i);
  if (length > kMostHeaderBytes) fail(fmt::format("has a header of {} bytes, more than {}", length, kMostHeaderBytes));
  if (source.remaining() < length) fail("ends inside its header");
  std::string text(length, '\0');
  source.read(std::as_writable_bytes(std::span(text)));
  return parse_npy_header(text, what);
}

std::string npy_header(std::string_view descr, const Shape& shape) {
  std::string extents;
  for (const std::int64_t extent : shape) extents += fmt::format("{}, ", extent);
  if (shape.size() > 1) extents.resize(extents.size() - 2);
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, extents);
  // NumPy aligns the elements to 64 bytes, so that they can be mapped.
  const std::size_t unpadded = kMagic.size() + 4 + text.size() + 1;
  text.append((64 - unpadded % 64) % 64, ' ');
  text.push_back('\n');
  std::string header(kMagic);
  header.append({'\x01', '\x00', static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)});
  return header + text;
}

const char* npy_descr(DType type) noexcept {
  switch (type) {
    case DType::f32:
      return "<f4";
    case DType::f64:
      return "<f8";
    case DType::i64:
      return "<i8";
    case DType::i32:
      return "<i4";
    case DType::b8:
      return "|b1";
  }
  return "";
}

}  // namespace mho::io
