// PNG pictures, decoded by libpng: samples as they are stored, without gamma or colour profile, as NumPy users get
// them.
#include "io/png.h"

#include <fmt/format.h>
#include <mho/error.h>
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>

namespace mho::io {

namespace {

/// Deflate shortens to 1/1032 at best (https://zlib.net/zlib_tech.html).
constexpr std::size_t kMostDeflateRatio = 1032;

/// What libpng's callbacks work on. It reports errors by a call that must not return: that jumps back to `guarded`.
struct Source {
  std::span<const std::byte> rest;
  std::jmp_buf escape;
  std::array<char, 128> message;
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message.data(), message, source->message.size() - 1);
  std::longjmp(source->escape, 1);
}

/// Warnings concern chunks that hold no pixels.
void ignore(png_structp, png_const_charp) {}

void read(png_structp png, png_bytep into, std::size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (source->rest.size() < size) png_error(png, "the file ends too early");
  std::memcpy(into, source->rest.data(), size);
  source->rest = source->rest.subspan(size);
}

/// Runs `step`, false if libpng gave up. `step` must hold nothing with a destructor: the jump skips it.
template <class Step>
bool guarded(Source& source, const Step& step) {
  if (setjmp(source.escape) != 0) return false;
  step();
  return true;
}

class Decoder {
 public:
  explicit Decoder(const std::string& what) : what_(what) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, fail, ignore);
    if (png_ == nullptr) throw Error(Code::kIo, fmt::format("{}: libpng cannot be started", what_));
  }
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  Pixels decode(std::span<const std::byte> bytes) {
    source_.rest = bytes;
    run([&] {
      info_ = png_create_info_struct(png_);
      if (info_ == nullptr) png_error(png_, "not enough memory");
      png_set_read_fn(png_, &source_, read);
      png_read_info(png_, info_);
      png_set_expand(png_);
      png_set_strip_16(png_);
      png_set_strip_alpha(png_);
      png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    const std::int64_t width = png_get_image_width(png_, info_);
    const std::int64_t height = png_get_image_height(png_, info_);
    if (width > kMostImageExtent || height > kMostImageExtent || width * height > kMostImagePixels) {
      throw Error(Code::kLimit, fmt::format("{}: has {} x {} pixels, more than the {} that are read; shrink it first",
                                            what_, width, height, kMostImagePixels));
    }
    Pixels pixels{width, height, png_get_channels(png_, info_), {}};
    const std::size_t stride = png_get_rowbytes(png_, info_);
    if (stride != static_cast<std::size_t>(width * pixels.channels)) {
      throw Error(Code::kInternal, fmt::format("{}: a row has {} bytes", what_, stride));
    }
    // Before memory is taken: the file may be far too short for what its header says.
    if (stride * static_cast<std::size_t>(height) / kMostDeflateRatio > bytes.size()) {
      throw Error(Code::kIo, fmt::format("{}: is truncated: {} bytes cannot hold {} x {} pixels", what_, bytes.size(),
                                         width, height));
    }
    pixels.values.resize(stride * static_cast<std::size_t>(height));
    std::vector<png_bytep> rows;
    for (std::int64_t y = 0; y < height; ++y) {
      rows.push_back(pixels.values.data() + stride * static_cast<std::size_t>(y));
    }
    run([&] {
      png_read_image(png_, rows.data());
      png_read_end(png_, nullptr);
    });
    return pixels;
  }

 private:
  template <class Step>
  void run(const Step& step) {
    if (guarded(source_, step)) return;
    throw Error(Code::kIo, fmt::format("{}: is damaged or truncated, or no PNG that can be read: {}", what_,
                                       source_.message.data()));
  }

  const std::string& what_;
  Source source_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Pixels decode_png(std::span<const std::byte> bytes, const std::string& what) { return Decoder(what).decode(bytes); }

}  // namespace mho::io
