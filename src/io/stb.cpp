// Compiles stb_image, limited to what mho reads, with its assertions turned into exceptions.
#include <fmt/format.h>
#include <mho/error.h>

#include <cstdlib>
#include <memory>

#include "io/pixels.h"

namespace {

// Pictures are untrusted: a failed check inside stb must neither abort the program nor be skipped.
void check_stb(bool holds) {
  if (!holds) throw mho::Error(mho::Code::kIo, "the picture is damaged (a check of its decoder failed)");
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STBI_ASSERT(x) check_stb(static_cast<bool>(x))
// Zeroed memory: a damaged picture gives zeros, never what the memory held before.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(pointer, size) std::realloc(pointer, size)
#define STBI_FREE(pointer) std::free(pointer)
#define STBI_NO_STDIO
#define STBI_ONLY_BMP
#define STBI_MAX_DIMENSIONS (1 << 14)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace mho::io {

Pixels decode_with_stb(std::span<const std::byte> bytes, std::int64_t channels, const std::string& what) {
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int stored = 0;
  const auto fail = [&] {
    throw Error(Code::kIo, fmt::format("{}: cannot be decoded: {}", what, stbi_failure_reason()));
  };
  if (stbi_info_from_memory(data, size, &width, &height, &stored) == 0) fail();
  if (width < 1 || height < 1) throw Error(Code::kIo, fmt::format("{}: has no pixels", what));
  if (std::int64_t{width} * height > kMostImagePixels) {
    throw Error(Code::kLimit, fmt::format("{}: has {} x {} pixels, more than the {} that are read; shrink it first",
                                          what, width, height, kMostImagePixels));
  }
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_memory(data, size, &width, &height, &stored, static_cast<int>(channels)), &std::free);
  if (!pixels) fail();
  Pixels result{width, height, channels, {}};
  result.values.assign(pixels.get(), pixels.get() + std::int64_t{width} * height * channels);
  return result;
}

}  // namespace mho::io
