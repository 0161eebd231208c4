// read_image of <mho/io.h>: a picture becomes a normalised float32 input.
#include <fmt/format.h>
#include <mho/error.h>
#include <mho/io.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string_view>

#include "io/files.h"
#include "io/jpeg.h"
#include "io/pixels.h"
#include "io/png.h"
#include "io/pnm.h"

namespace mho::io {

namespace {

constexpr std::uint64_t kMostFileBytes = std::uint64_t{512} << 20;

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

/// BMP states its own size; some writers leave it 0.
bool bmp_is_whole(std::span<const std::byte> bytes) {
  if (bytes.size() < 6) return false;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size |= std::uint64_t{byte_at(bytes, 2 + i)} << (8 * i);
  return size <= bytes.size();
}

Pixels to_channels(Pixels source, std::int64_t channels) {
  if (source.channels == channels) return source;
  Pixels result{source.width, source.height, channels, {}};
  const std::size_t count = static_cast<std::size_t>(source.width * source.height);
  result.values.reserve(count * static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < count; ++i) {
    if (channels == 3) {
      result.values.insert(result.values.end(), 3, source.values[i]);
    } else {  // luma weights of ITU-R BT.601, as stb_image uses
      const auto* pixel = &source.values[3 * i];
      result.values.push_back(static_cast<std::uint8_t>((77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) >> 8));
    }
  }
  return result;
}

Pixels decode(const std::filesystem::path& path, std::int64_t channels) {
  const std::vector<std::byte> bytes = InputFile(path).read_all(kMostFileBytes);
  const auto starts_with = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(), [](char a, std::byte b) {
             return static_cast<unsigned char>(a) == std::to_integer<unsigned char>(b);
           });
  };
  if (is_pnm(bytes)) return to_channels(decode_pnm(bytes, path.string()), channels);
  if (starts_with("\xFF\xD8")) return to_channels(decode_jpeg(bytes, path.string()), channels);
  if (starts_with("BM") && !bmp_is_whole(bytes)) {
    throw Error(Code::kIo, fmt::format("{}: is truncated", path.string()));
  }
  if (starts_with("\x89PNG")) return to_channels(decode_png(bytes, path.string()), channels);
  if (!starts_with("BM")) {
    throw Error(
        Code::kUnsupported,
        fmt::format("{}: is not a picture of a known format; PNG, JPEG, BMP, PGM and PPM are read", path.string()));
  }
  return decode_with_stb(bytes, channels, path.string());
}

/// `values` for each channel: none means `otherwise`, one stands for all.
std::vector<double> per_channel(const std::vector<double>& values, double otherwise, std::int64_t channels,
                                std::string_view name) {
  const auto count = static_cast<std::size_t>(channels);
  if (values.empty()) return std::vector<double>(count, otherwise);
  if (values.size() == 1) return std::vector<double>(count, values[0]);
  if (values.size() != count) {
    throw Error(Code::kInvalidArgument, fmt::format("{} values are given for the {} of {} channels; give one, or one "
                                                    "per channel",
                                                    values.size(), name, channels));
  }
  return values;
}

}  // namespace

bool is_image_path(const std::filesystem::path& path) {
  static constexpr std::array<std::string_view, 7> kExtensions = {".png", ".jpg", ".jpeg", ".bmp",
                                                                  ".pgm", ".ppm", ".pnm"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

Array read_image(const std::filesystem::path& path, const ImageOptions& options) {
  if (options.channels != 1 && options.channels != 3) {
    throw Error(Code::kInvalidArgument,
                fmt::format("a picture cannot become {} channels; 1 (grey) and 3 are possible", options.channels));
  }
  for (const std::int64_t extent : {options.height, options.width}) {
    if (extent < 0 || extent > kMostImageExtent) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("a picture cannot be resized to {} pixels; the most is {}", extent, kMostImageExtent));
    }
  }
  const auto mean = per_channel(options.mean, 0.0, options.channels, "mean");
  const auto stddev = per_channel(options.stddev, 1.0, options.channels, "standard deviation");
  for (const double value : stddev) {
    if (!(std::abs(value) > 0) || !std::isfinite(value)) {
      throw Error(Code::kInvalidArgument, "the standard deviation of a channel must be a finite number other than 0");
    }
  }
  Pixels pixels = decode(path, options.channels);
  const std::int64_t height = options.height > 0 ? options.height : pixels.height;
  const std::int64_t width = options.width > 0 ? options.width : pixels.width;
  if (height * width > kMostImagePixels) {
    throw Error(Code::kLimit, fmt::format("{} x {} pixels are more than {}", height, width, kMostImagePixels));
  }
  if (height != pixels.height || width != pixels.width) pixels = resize(pixels, width, height);

  const std::int64_t channels = options.channels;
  Array array(DType::f32,
              options.channels_last ? Shape{1, height, width, channels} : Shape{1, channels, height, width});
  const auto values = array.as<float>();
  const std::int64_t area = height * width;
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int64_t from = options.bgr ? channels - 1 - c : c;
    const auto axis = static_cast<std::size_t>(c);
    for (std::int64_t i = 0; i < area; ++i) {
      const double pixel = pixels.values[static_cast<std::size_t>(i * channels + from)];
      const std::int64_t at = options.channels_last ? i * channels + c : c * area + i;
      values[static_cast<std::size_t>(at)] = static_cast<float>((pixel * options.scale - mean[axis]) / stddev[axis]);
    }
  }
  return array;
}

}  // namespace mho::io
