// The arithmetic of path integrals: one pass over memory each, in double.
#include <algorithm>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

MHO_VECTORISED void interpolate_range(const float* a, const float* b, double alpha, float* y, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const double from = a[i];
    y[i] = static_cast<float>(from + alpha * (b[i] - from));
  }
}

MHO_VECTORISED void add_weighted(double w, const float* g, double* acc, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) acc[i] += w * g[i];
}

MHO_VECTORISED void add_step(double w, const float* g, const float* y0, const float* y1, double* acc, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) acc[i] += w * g[i] * (static_cast<double>(y1[i]) - y0[i]);
}

MHO_VECTORISED void add_trapezoid(double w0, const float* g0, double w1, const float* g1, const float* y0,
                                  const float* y1, double* acc, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    acc[i] += (w0 * g0[i] + w1 * g1[i]) * (static_cast<double>(y1[i]) - y0[i]);
  }
}

const float* floats(const Tensor& tensor) { return tensor.as<float>().data(); }

}  // namespace

void CpuDevice::interpolate(const Tensor& a, const Tensor& b, double alpha, const Tensor& y) {
  float* const to = y.as<float>().data();
  cpu::parallel_for(threads_, y.type.stored_elements(), 1, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
    interpolate_range(floats(a) + begin, floats(b) + begin, alpha, to + begin, end - begin);
  });
}

void CpuDevice::accumulate_path(double w0, const Tensor& g0, double w1, const Tensor& g1, const Tensor& y0,
                                const Tensor& y1, const Tensor& acc) {
  double* const sum = acc.as<double>().data();
  const std::int64_t size = acc.type.stored_elements();
  if (size == 0) return;
  const std::int64_t sets = g0.type.stored_elements() / size;
  constexpr std::int64_t kTile = 1024;  // sums that stay in the first-level cache while all sets are added
  cpu::parallel_for(threads_, size, 2 * sets, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; at += kTile) {
      const std::int64_t n = std::min(kTile, end - at);
      for (std::int64_t i = at; i < sets * size; i += size) {
        if (g1.empty()) {
          add_step(w0, floats(g0) + i, floats(y0) + i, floats(y1) + i, sum + at, n);
        } else {
          add_trapezoid(w0, floats(g0) + i, w1, floats(g1) + i, floats(y0) + i, floats(y1) + i, sum + at, n);
        }
      }
    }
  });
}

void CpuDevice::accumulate(double w, const Tensor& g, const Tensor& acc) {
  double* const sum = acc.as<double>().data();
  cpu::parallel_for(threads_, g.type.stored_elements(), 2, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
    add_weighted(w, floats(g) + begin, sum + begin, end - begin);
  });
}

}  // namespace mho::kernels
