// Pictures as 8-bit pixels: decoding and resizing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mho::io {

/// Pixels of 8 bits, row by row, channels side by side.
struct Pixels {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> values;
};

inline constexpr std::int64_t kMostImageExtent = 1 << 14;
inline constexpr std::int64_t kMostImagePixels = std::int64_t{1} << 26;

/// Decodes BMP to `channels` (1 or 3) channels. Throws Error(kIo) with `what` in front of the reason.
[[nodiscard]] Pixels decode_with_stb(std::span<const std::byte> bytes, std::int64_t channels, const std::string& what);
/// Bilinear; averages when the picture shrinks. The same pixels as Pillow's Image.resize(..., BILINEAR) up to rounding.
[[nodiscard]] Pixels resize(const Pixels& source, std::int64_t width, std::int64_t height);

}  // namespace mho::io
