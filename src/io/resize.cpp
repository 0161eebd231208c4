// Resizes pictures as Pillow does: a triangle filter as wide as the step between output pixels, cut off at the border.
#include <algorithm>
#include <cmath>

#include "io/pixels.h"

namespace mho::io {

namespace {

/// The input pixels that one output pixel averages, and how much of each.
struct Window {
  std::int64_t first = 0;
  std::vector<double> weights;
};

std::vector<Window> windows(std::int64_t from, std::int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(step, 1.0);
  std::vector<Window> result(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    const auto begin = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(centre - reach)));
    const auto end = std::min<std::int64_t>(from, static_cast<std::int64_t>(std::ceil(centre + reach)));
    Window& window = result[static_cast<std::size_t>(i)];
    window.first = begin;
    double sum = 0;
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const double distance = std::abs(static_cast<double>(pixel) + 0.5 - centre) / reach;
      window.weights.push_back(std::max(0.0, 1.0 - distance));
      sum += window.weights.back();
    }
    for (double& weight : window.weights) weight /= sum;
  }
  return result;
}

std::uint8_t weigh(const Window& window, const std::uint8_t* pixels, std::int64_t stride) {
  double sum = 0;
  for (std::size_t k = 0; k < window.weights.size(); ++k) {
    sum += window.weights[k] * pixels[(window.first + static_cast<std::int64_t>(k)) * stride];
  }
  return static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0L, 255L));
}

}  // namespace

Pixels resize(const Pixels& source, std::int64_t width, std::int64_t height) {
  const std::int64_t channels = source.channels;
  Pixels wide{width, source.height, channels, {}};
  wide.values.resize(static_cast<std::size_t>(width * source.height * channels));
  const auto columns = windows(source.width, width);
  auto* out = wide.values.data();
  for (std::int64_t y = 0; y < source.height; ++y) {
    const auto* row = source.values.data() + y * source.width * channels;
    for (const Window& window : columns) {
      for (std::int64_t c = 0; c < channels; ++c) *out++ = weigh(window, row + c, channels);
    }
  }
  Pixels result{width, height, channels, {}};
  result.values.resize(static_cast<std::size_t>(width * height * channels));
  out = result.values.data();
  const std::int64_t stride = width * channels;
  for (const Window& window : windows(source.height, height)) {
    for (std::int64_t i = 0; i < stride; ++i) *out++ = weigh(window, wide.values.data() + i, stride);
  }
  return result;
}

}  // namespace mho::io
