// Pooling in both layouts. A plane is one channel of one image (plain) or 16 of them side by side (blocked), so the
// blocked loops run over 16 lanes where the plain ones have a number.
#include <algorithm>
#include <array>
#include <limits>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

/// The part of a window that lies inside the input, along one axis.
struct Span {
  std::int64_t begin = 0;    ///< first input position
  std::int64_t count = 0;    ///< positions, `dilation` apart
  std::int64_t counted = 0;  ///< positions inside the input or its padding, without ceil_mode's overhang
};

struct Axis {
  std::int64_t in = 1;
  std::int64_t dilation = 1;
  std::vector<Span> spans{{0, 1, 1}};  ///< per output position
};

struct Geometry {
  std::array<Axis, 3> axes;  ///< depth, height, width
  std::int64_t in_points = 1;
  std::int64_t out_points = 1;
  std::int64_t window_points = 1;
};

Axis axis_of(const Window& w, std::size_t i, std::int64_t in, std::int64_t out) {
  Axis axis{in, w.dilations[i], {}};
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

Geometry geometry_of(const Window& window, const Shape& x, const Shape& y) {
  Geometry g;
  const std::size_t spatial = window.kernel.size();
  for (std::size_t i = 0; i < spatial; ++i) {
    g.axes[3 - spatial + i] = axis_of(window, i, x[i + 2], y[i + 2]);
    g.in_points *= x[i + 2];
    g.out_points *= y[i + 2];
    g.window_points *= window.kernel[i];
  }
  return g;
}

// Both visitors must be inlined, for only then are they compiled for their caller's instruction set.

/// Calls visit(output point, depth span, height span, width span) for every output point of a plane.
template <class Visit>
[[gnu::always_inline]] inline void for_each_window(const Geometry& g, Visit&& visit) {
  std::int64_t point = 0;
  for (const Span& d : g.axes[0].spans) {
    for (const Span& h : g.axes[1].spans) {
      for (const Span& w : g.axes[2].spans) visit(point++, d, h, w);
    }
  }
}

/// Calls visit(input point) for every point inside the window, in row-major order.
template <class Visit>
[[gnu::always_inline]] inline void for_each_point(const Geometry& g, const Span& d, const Span& h, const Span& w,
                                                  Visit&& visit) {
  for (std::int64_t i = 0; i < d.count; ++i) {
    const std::int64_t row = (d.begin + i * g.axes[0].dilation) * g.axes[1].in;
    for (std::int64_t j = 0; j < h.count; ++j) {
      const std::int64_t base = (row + h.begin + j * g.axes[1].dilation) * g.axes[2].in + w.begin;
      for (std::int64_t k = 0; k < w.count; ++k) visit(base + k * g.axes[2].dilation);
    }
  }
}

template <std::int64_t kLanes>
MHO_VECTORISED void max_plane(const Geometry& g, const float* x, float* y, std::int32_t* winner) {
  for_each_window(g, [&](std::int64_t out, const Span& d, const Span& h, const Span& w) {
    std::array<float, kLanes> best;
    std::array<std::int32_t, kLanes> where;
    best.fill(-std::numeric_limits<float>::infinity());
    const bool outside = d.count * h.count * w.count == 0;
    const std::int64_t first = outside ? -1 : (d.begin * g.axes[1].in + h.begin) * g.axes[2].in + w.begin;
    where.fill(static_cast<std::int32_t>(first));
    for_each_point(g, d, h, w, [&](std::int64_t in) {
      const float* const values = x + in * kLanes;
#pragma omp simd
      for (std::size_t l = 0; l < kLanes; ++l) {
        const float v = values[l];
        const bool wins = v > best[l] || (v != v && best[l] == best[l]);  // NaN wins and stays
        best[l] = wins ? v : best[l];
        where[l] = wins ? static_cast<std::int32_t>(in) : where[l];
      }
    });
    std::copy_n(best.data(), kLanes, y + out * kLanes);
    std::copy_n(where.data(), kLanes, winner + out * kLanes);
  });
}

template <std::int64_t kLanes>
void max_plane_vjp(const Geometry& g, const float* gy, const std::int32_t* winner, float* gx) {
  std::fill_n(gx, g.in_points * kLanes, 0.0F);
  for (std::int64_t out = 0; out < g.out_points; ++out) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const std::int64_t i = out * kLanes + l;
      if (winner[i] >= 0) gx[winner[i] * kLanes + l] += gy[i];  // no winner: the window is all padding
    }
  }
}

double divisor(const Span& d, const Span& h, const Span& w, bool count_include_pad) {
  return static_cast<double>(count_include_pad ? d.counted * h.counted * w.counted : d.count * h.count * w.count);
}

template <std::int64_t kLanes>
MHO_VECTORISED void average_plane(const Geometry& g, bool count_include_pad, const float* x, float* y) {
  for_each_window(g, [&](std::int64_t out, const Span& d, const Span& h, const Span& w) {
    std::array<double, kLanes> sum{};
    for_each_point(g, d, h, w, [&](std::int64_t in) {
      const float* const values = x + in * kLanes;
#pragma omp simd
      for (std::size_t l = 0; l < kLanes; ++l) sum[l] += values[l];
    });
    const double n = divisor(d, h, w, count_include_pad);
    for (std::size_t l = 0; l < kLanes; ++l) {
      y[static_cast<std::size_t>(out * kLanes) + l] = n > 0 ? static_cast<float>(sum[l] / n) : 0.0F;
    }
  });
}

template <std::int64_t kLanes>
MHO_VECTORISED void average_plane_vjp(const Geometry& g, bool count_include_pad, const float* gy, float* gx) {
  std::fill_n(gx, g.in_points * kLanes, 0.0F);
  for_each_window(g, [&](std::int64_t out, const Span& d, const Span& h, const Span& w) {
    const double n = divisor(d, h, w, count_include_pad);
    if (n == 0) return;
    std::array<float, kLanes> share;
    for (std::size_t l = 0; l < kLanes; ++l) {
      share[l] = static_cast<float>(gy[static_cast<std::size_t>(out * kLanes) + l] / n);
    }
    for_each_point(g, d, h, w, [&](std::int64_t in) {
      float* const sums = gx + in * kLanes;
#pragma omp simd
      for (std::size_t l = 0; l < kLanes; ++l) sums[l] += share[l];
    });
  });
}

/// Calls body(plane, lanes as std::integral_constant) for all planes of a tensor, in parallel.
template <class Body>
void for_each_plane(int threads, const TensorType& type, std::int64_t cost, const Body& body) {
  const cpu::Images extents = cpu::images_of(type.shape);
  const bool blocked = type.layout == Layout::blocked;
  const std::int64_t planes = extents.images * (blocked ? extents.blocks() : extents.channels);
  cpu::parallel_for(threads, planes, blocked ? cost * kChannelBlock : cost, 1,
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t plane = begin; plane < end; ++plane) {
                        if (blocked) {
                          body(plane, std::integral_constant<std::int64_t, kChannelBlock>{});
                        } else {
                          body(plane, std::integral_constant<std::int64_t, 1>{});
                        }
                      }
                    });
}

std::int64_t cost_of(const Geometry& g) { return g.in_points + g.out_points * g.window_points; }

}  // namespace

void CpuDevice::pool_max(Workspace& workspace, const Window& window, const Tensor& x, const Tensor& y,
                         const Tensor& winner) {
  const auto& g = workspace.slot<Geometry>([&] { return geometry_of(window, x.shape(), y.shape()); });
  const float* const from = x.as<float>().data();
  float* const to = y.as<float>().data();
  std::int32_t* const index = winner.as<std::int32_t>().data();
  for_each_plane(threads_, x.type, cost_of(g), [&](std::int64_t plane, auto lanes) {
    const std::int64_t out = plane * g.out_points * lanes;
    max_plane<lanes>(g, from + plane * g.in_points * lanes, to + out, index + out);
  });
  cpu::zero_padding(y);
}

void CpuDevice::pool_max_vjp(Workspace& workspace, const Window& window, const Tensor& gy, const Tensor& winner,
                             const Tensor& gx) {
  const auto& g = workspace.slot<Geometry>([&] { return geometry_of(window, gx.shape(), gy.shape()); });
  const float* const from = gy.as<float>().data();
  const std::int32_t* const index = winner.as<std::int32_t>().data();
  float* const to = gx.as<float>().data();
  for_each_plane(threads_, gx.type, g.in_points + g.out_points, [&](std::int64_t plane, auto lanes) {
    const std::int64_t out = plane * g.out_points * lanes;
    max_plane_vjp<lanes>(g, from + out, index + out, to + plane * g.in_points * lanes);
  });
}

void CpuDevice::pool_average(Workspace& workspace, const Window& window, bool count_include_pad, const Tensor& x,
                             const Tensor& y) {
  const auto& g = workspace.slot<Geometry>([&] { return geometry_of(window, x.shape(), y.shape()); });
  const float* const from = x.as<float>().data();
  float* const to = y.as<float>().data();
  for_each_plane(threads_, x.type, cost_of(g), [&](std::int64_t plane, auto lanes) {
    average_plane<lanes>(g, count_include_pad, from + plane * g.in_points * lanes, to + plane * g.out_points * lanes);
  });
}

void CpuDevice::pool_average_vjp(Workspace& workspace, const Window& window, bool count_include_pad, const Tensor& gy,
                                 const Tensor& gx) {
  const auto& g = workspace.slot<Geometry>([&] { return geometry_of(window, gx.shape(), gy.shape()); });
  const float* const from = gy.as<float>().data();
  float* const to = gx.as<float>().data();
  for_each_plane(threads_, gx.type, cost_of(g), [&](std::int64_t plane, auto lanes) {
    average_plane_vjp<lanes>(g, count_include_pad, from + plane * g.out_points * lanes,
                             to + plane * g.in_points * lanes);
  });
}

}  // namespace mho::kernels
