// Decodes binary PGM and PPM; stb_image would take a truncated one for a whole one.
// Format: https://netpbm.sourceforge.net/doc/ppm.html
#include "io/pnm.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <cctype>

namespace mho::io {

namespace {

class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& what) : bytes_(bytes), what_(what) {}

  /// A decimal number after white space and comments.
  std::int64_t number(std::int64_t most) {
    for (;; ++at_) {
      if (peek() == '#') {
        while (peek() != '\n') ++at_;
      } else if (std::isspace(peek()) == 0) {
        break;
      }
    }
    std::int64_t value = 0;
    const std::size_t start = at_;
    while (std::isdigit(peek()) != 0) {
      value = value * 10 + (peek() - '0');
      if (value > most) fail(fmt::format("has a number above {} in its header", most));
      ++at_;
    }
    if (at_ == start || value == 0) fail("has a header without width, height and largest value");
    return value;
  }

  /// Everything after the one white-space byte that ends the header.
  std::span<const std::byte> rest() {
    if (std::isspace(peek()) == 0) fail("has a damaged header");
    return bytes_.subspan(at_ + 1);
  }

  [[noreturn]] void fail(std::string_view why) const { throw Error(Code::kIo, fmt::format("{}: {}", what_, why)); }

 private:
  [[nodiscard]] int peek() const {
    if (at_ >= bytes_.size()) fail("ends inside its header");
    return std::to_integer<int>(bytes_[at_]);
  }

  std::span<const std::byte> bytes_;
  const std::string& what_;
  std::size_t at_ = 2;
};

}  // namespace

bool is_pnm(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{'P'} && (bytes[1] == std::byte{'5'} || bytes[1] == std::byte{'6'});
}

Pixels decode_pnm(std::span<const std::byte> bytes, const std::string& what) {
  Cursor cursor(bytes, what);
  Pixels result;
  result.channels = bytes[1] == std::byte{'5'} ? 1 : 3;
  result.width = cursor.number(kMostImageExtent);
  result.height = cursor.number(kMostImageExtent);
  const std::int64_t largest = cursor.number(65535);
  const auto data = cursor.rest();
  const std::int64_t count = result.width * result.height * result.channels;
  const std::int64_t width = largest > 255 ? 2 : 1;
  if (result.width * result.height > kMostImagePixels) cursor.fail("has too many pixels; shrink it first");
  if (static_cast<std::int64_t>(data.size()) < count * width) {
    cursor.fail(fmt::format("needs {} bytes of pixels, but has {}; it is truncated", count * width, data.size()));
  }
  result.values.resize(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    std::int64_t value = std::to_integer<std::int64_t>(data[width == 1 ? i : 2 * i]);
    if (width == 2) value = value * 256 + std::to_integer<std::int64_t>(data[2 * i + 1]);
    if (value > largest) cursor.fail("has a pixel above its largest value");
    result.values[i] = static_cast<std::uint8_t>((value * 255 + largest / 2) / largest);
  }
  return result;
}

}  // namespace mho::io
