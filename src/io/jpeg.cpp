// JPEG pictures, decoded by libjpeg: untrusted files, so every warning that means damage is an error.
#include "io/jpeg.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <array>
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs size_t and FILE from the headers before it.
#include <jpeglib.h>
// And jerror.h needs jpeglib.h.
#include <jerror.h>

namespace mho::io {

namespace {

/// Real progressive files have about ten scans. Each costs a pass over the picture, so a small file of thousands of
/// scans would keep the decoder busy for hours.
constexpr int kMostScans = 100;

/// libjpeg reports errors by calling error_exit, which must not return: it jumps back to `guarded`.
struct Errors {
  jpeg_error_mgr base;  // first, since libjpeg hands back a pointer to it
  std::jmp_buf escape;
  std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void escape(j_common_ptr info) {
  auto* errors = reinterpret_cast<Errors*>(info->err);
  errors->base.format_message(info, errors->message.data());
  std::longjmp(errors->escape, 1);
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // a trace
  const int code = info->err->msg_code;
  // Stray bytes between segments and newer JFIF versions are common and do no harm.
  if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR) return;
  escape(info);
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  auto* errors = reinterpret_cast<Errors*>(info->err);
  std::snprintf(errors->message.data(), errors->message.size(), "it has more than %d scans", kMostScans);
  std::longjmp(errors->escape, 1);
}

/// Runs `step`, false if libjpeg gave up. `step` must hold nothing with a destructor: the jump skips it.
template <class Step>
bool guarded(Errors& errors, const Step& step) {
  if (setjmp(errors.escape) != 0) return false;
  step();
  return true;
}

class Decoder {
 public:
  explicit Decoder(const std::string& what) : what_(what) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = escape;
    errors_.base.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    run([&] { jpeg_create_decompress(&info_); });
    info_.progress = &progress_;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  Pixels decode(std::span<const std::byte> bytes) {
    run([&] {
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_read_header(&info_, TRUE);
    });
    const std::int64_t width = info_.image_width;
    const std::int64_t height = info_.image_height;
    if (width > kMostImageExtent || height > kMostImageExtent || width * height > kMostImagePixels) {
      throw Error(Code::kLimit, fmt::format("{}: has {} x {} pixels, more than the {} that are read; shrink it first",
                                            what_, width, height, kMostImagePixels));
    }
    const bool grey = info_.num_components == 1;
    const bool print = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = grey ? JCS_GRAYSCALE : print ? JCS_CMYK : JCS_RGB;
    run([&] { jpeg_start_decompress(&info_); });
    Pixels pixels{width, height, info_.output_components, {}};
    const auto stride = static_cast<std::size_t>(width * pixels.channels);
    pixels.values.resize(stride * static_cast<std::size_t>(height));
    run([&] {
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW row = pixels.values.data() + stride * info_.output_scanline;
        jpeg_read_scanlines(&info_, &row, 1);
      }
      jpeg_finish_decompress(&info_);
    });
    return print ? from_cmyk(pixels) : pixels;
  }

 private:
  template <class Step>
  void run(const Step& step) {
    if (guarded(errors_, step)) return;
    throw Error(Code::kIo, fmt::format("{}: is damaged or truncated, or no JPEG that can be read: {}", what_,
                                       errors_.message.data()));
  }

  /// JPEG files keep CMYK inverted, as Adobe wrote them first.
  static Pixels from_cmyk(const Pixels& source) {
    Pixels result{source.width, source.height, 3, {}};
    result.values.reserve(source.values.size() / 4 * 3);
    for (std::size_t i = 0; i + 4 <= source.values.size(); i += 4) {
      for (std::size_t c = 0; c < 3; ++c) {
        result.values.push_back(static_cast<std::uint8_t>(source.values[i + c] * source.values[i + 3] / 255));
      }
    }
    return result;
  }

  const std::string& what_;
  Errors errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

Pixels decode_jpeg(std::span<const std::byte> bytes, const std::string& what) { return Decoder(what).decode(bytes); }

}  // namespace mho::io
