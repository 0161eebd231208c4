// Where the windows of a pooling lie in a plane.
#include "kernels/cpu/pool_windows.h"

namespace mho::kernels::cpu {

namespace {

PoolAxis axis_of(const Window& w, std::size_t i, std::int64_t in, std::int64_t out) {
  PoolAxis axis{in, w.dilations[i], {}};
  axis.spans.reserve(static_cast<std::size_t>(out));
  const std::int64_t counted_end = in + w.pads_end[i] - (w.overhang.empty() ? 0 : w.overhang[i]);
  for (std::int64_t o = 0; o < out; ++o) {
    const std::int64_t start = o * w.strides[i] - w.pads_begin[i];
    Span span;
    for (std::int64_t k = 0; k < w.kernel[i]; ++k) {
      const std::int64_t position = start + k * w.dilations[i];
      if (position < counted_end) ++span.counted;
      if (position < 0 || position >= in) continue;
      if (span.count++ == 0) span.begin = position;
    }
    axis.spans.push_back(span);
  }
  return axis;
}

}  // namespace

PoolGeometry geometry_of(const Window& window, const Shape& x, const Shape& y) {
  PoolGeometry g;
  const std::size_t spatial = window.kernel.size();
  for (std::size_t i = 0; i < spatial; ++i) {
    g.axes[3 - spatial + i] = axis_of(window, i, x[i + 2], y[i + 2]);
    g.in_points *= x[i + 2];
    g.out_points *= y[i + 2];
    g.window_points *= window.kernel[i];
  }
  return g;
}

}  // namespace mho::kernels::cpu
