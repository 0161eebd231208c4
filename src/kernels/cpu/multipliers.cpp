// DeepLIFT multipliers that have to be fast: Rescale as a vector loop.
#include "kernels/reference/multipliers.h"

#include "kernels/cpu/blocked.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/threads.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

constexpr float kUlps = 64 * std::numeric_limits<float>::epsilon();

/// m_x = m_y * delta y / delta x; how many elements have too small a delta x for that (m_x = m_y there).
MHO_VECTORISED std::int64_t ratios(const float* x, const float* rx, const float* y, const float* ry, const float* my,
                                   float* mx, std::int64_t n) {
  std::int32_t small = 0;
#pragma omp simd reduction(+ : small)
  for (std::int64_t i = 0; i < n; ++i) {
    const float delta = x[i] - rx[i];
    const float size = std::max(std::abs(x[i]), std::abs(rx[i]));
    const float height = std::min(1.0F, std::max(std::abs(y[i]), std::abs(ry[i])));
    const bool rounding = !(std::abs(delta) > kUlps * std::max(size, height));
    small += rounding ? 1 : 0;
    mx[i] = rounding ? my[i] : my[i] * ((y[i] - ry[i]) / (rounding ? 1.0F : delta));
  }
  return small;
}

/// The same for ReLU, whose slope between x and x' is a comparison.
MHO_VECTORISED void relu(const float* x, const float* rx, const float* my, float* mx, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float y = x[i] < 0.0F ? 0.0F : x[i];
    const float ry = rx[i] < 0.0F ? 0.0F : rx[i];
    const float delta = x[i] - rx[i];
    const bool rounding = !(std::abs(delta) > kUlps * std::max(std::abs(x[i]), std::abs(rx[i])));
    const float slope = x[i] + rx[i] > 0.0F ? 1.0F : 0.0F;
    mx[i] = my[i] * (rounding ? slope : (y - ry) / (rounding ? 1.0F : delta));
  }
}

constexpr std::int64_t kChunk = 4096;  // stays in the first-level cache between the two loops

}  // namespace

void CpuDevice::unary_multipliers(Workspace& workspace, const UnaryFunction& f, const Tensor& x, const Tensor& rx,
                                  const Tensor& y, const Tensor& ry, const Tensor& my, const Tensor& mx) {
  if (x.dtype() != DType::f32 || y.dtype() != DType::f32) {
    ReferenceDevice<float>::unary_multipliers(workspace, f, cpu::flattened(x), cpu::flattened(rx), cpu::flattened(y),
                                              cpu::flattened(ry), cpu::flattened(my), cpu::flattened(mx));
    return;
  }
  const float* const xs = x.as<float>().data();
  const float* const rxs = rx.as<float>().data();
  const float* const ys = y.as<float>().data();
  const float* const rys = ry.as<float>().data();
  const float* const from = my.as<float>().data();
  float* const to = mx.as<float>().data();
  cpu::parallel_for(threads_, mx.type.stored_elements(), 2, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
    if (f.kind == Unary::relu) return relu(xs + begin, rxs + begin, from + begin, to + begin, end - begin);
    for (std::int64_t at = begin; at < end; at += kChunk) {
      const std::int64_t n = std::min(kChunk, end - at);
      if (ratios(xs + at, rxs + at, ys + at, rys + at, from + at, to + at, n) == 0) continue;
      for (std::int64_t i = at; i < at + n; ++i) {
        const double vx = xs[i], vrx = rxs[i];
        if (std::abs(vx - vrx) > smallest_delta<float>(vx, vrx, ys[i], rys[i])) continue;
        if (to[i] != 0.0F) to[i] = static_cast<float>(to[i] * slope_between(f, vx, vrx));
      }
    }
  });
  cpu::zero_padding(mx);
}

void CpuDevice::reveal_cancel(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx,
                              const Tensor& change, const Tensor& my, const Tensor& even, const Tensor& odd) {
  const float* const xs = x.as<float>().data();
  const float* const rxs = rx.as<float>().data();
  const float* const changes = change.as<float>().data();
  const float* const from = my.as<float>().data();
  float* const evens = even.as<float>().data();
  float* const odds = odd.as<float>().data();
  cpu::parallel_for(threads_, my.type.stored_elements(), 64, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double m = from[i];
      const RevealCancelParts parts =
          m == 0 ? RevealCancelParts{} : kernels::reveal_cancel<float>(f, xs[i], rxs[i], changes[i]);
      evens[i] = static_cast<float>(m * parts.even);
      odds[i] = static_cast<float>(m * parts.odd);
    }
  });
  cpu::zero_padding(even);
  cpu::zero_padding(odd);
}

}  // namespace mho::kernels
