// Pooling in both layouts. A plane is one channel of one image (plain) or 16 of them side by side (blocked), so the
// blocked loops run over 16 lanes where the plain ones have a number.
#include <algorithm>
#include <array>
#include <limits>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/pool_windows.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

using cpu::for_each_plane;
using cpu::for_each_point;
using cpu::for_each_window;
using cpu::geometry_of;
using cpu::PoolGeometry;
using cpu::Span;

namespace {

template <std::int64_t kLanes>
MHO_VECTORISED void max_plane(const PoolGeometry& g, const float* x, float* y, std::int32_t* winner) {
  for_each_window(g, [&](std::int64_t out, const Span& d, const Span& h, const Span& w) {
    std::array<float, kLanes> best;
    std::array<std::int32_t, kLanes> where;
    const bool outside = d.count * h.count * w.count == 0;
    const std::int64_t first = outside ? -1 : (d.begin * g.axes[1].in + h.begin) * g.axes[2].in + w.begin;
    where.fill(static_cast<std::int32_t>(first));
    if (outside) {
      best.fill(-std::numeric_limits<float>::infinity());
    } else {
      std::copy_n(x + first * kLanes, kLanes, best.data());
    }
    for_each_point(g, d, h, w, [&](std::int64_t in) {
      if (in == first) return;
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
void max_plane_vjp(const PoolGeometry& g, const float* gy, const std::int32_t* winner, float* gx) {
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
MHO_VECTORISED void average_plane(const PoolGeometry& g, bool count_include_pad, const float* x, float* y) {
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
MHO_VECTORISED void average_plane_vjp(const PoolGeometry& g, bool count_include_pad, const float* gy, float* gx) {
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

std::int64_t cost_of(const PoolGeometry& g) { return g.in_points + g.out_points * g.window_points; }

}  // namespace

void CpuDevice::pool_max(Workspace& workspace, const Window& window, const Tensor& x, const Tensor& y,
                         const Tensor& winner) {
  const auto& g = workspace.slot<PoolGeometry>([&] { return geometry_of(window, x.shape(), y.shape()); });
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
  const auto& g = workspace.slot<PoolGeometry>([&] { return geometry_of(window, gx.shape(), gy.shape()); });
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
  const auto& g = workspace.slot<PoolGeometry>([&] { return geometry_of(window, x.shape(), y.shape()); });
  const float* const from = x.as<float>().data();
  float* const to = y.as<float>().data();
  for_each_plane(threads_, x.type, cost_of(g), [&](std::int64_t plane, auto lanes) {
    average_plane<lanes>(g, count_include_pad, from + plane * g.in_points * lanes, to + plane * g.out_points * lanes);
  });
}

void CpuDevice::pool_average_vjp(Workspace& workspace, const Window& window, bool count_include_pad, const Tensor& gy,
                                 const Tensor& gx) {
  const auto& g = workspace.slot<PoolGeometry>([&] { return geometry_of(window, gx.shape(), gy.shape()); });
  const float* const from = gy.as<float>().data();
  float* const to = gx.as<float>().data();
  for_each_plane(threads_, gx.type, cost_of(g), [&](std::int64_t plane, auto lanes) {
    average_plane_vjp<lanes>(g, count_include_pad, from + plane * g.out_points * lanes,
                             to + plane * g.in_points * lanes);
  });
}

}  // namespace mho::kernels
