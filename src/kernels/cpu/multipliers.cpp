// DeepLIFT multipliers that have to be fast: Rescale as a vector loop, MaxPool in both layouts.
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

/// add_extremum() of the maxima of one window in all lanes of a channel block, whose cells lie apart.
MHO_VECTORISED void add_maxima(const float* x, const float* rx, const std::int32_t* p, const std::int32_t* q,
                               const float* my, float* mx) {
  std::int32_t apart = 0;
#pragma omp simd reduction(| : apart)
  for (std::int32_t l = 0; l < kChannelBlock; ++l) apart |= p[l] ^ q[l];
  constexpr auto kLanes = static_cast<std::int32_t>(kChannelBlock);
  if (apart == 0) {
#pragma omp simd
    for (std::int32_t l = 0; l < kLanes; ++l) {
      const std::int32_t at = (p[l] < 0 ? 0 : p[l]) * kLanes + l;
      mx[at] += p[l] < 0 ? 0.0F : my[l];
    }
    return;
  }
#pragma omp simd
  for (std::int32_t l = 0; l < kLanes; ++l) {
    const std::int32_t at_p = (p[l] < 0 ? 0 : p[l]) * kLanes + l;
    const std::int32_t at_q = (q[l] < 0 ? 0 : q[l]) * kLanes + l;
    const double a = x[at_p], b = x[at_q], ra = rx[at_p], rb = rx[at_q];
    const double m = my[l];
    const double first = a < rb ? rb : a;
    const double second = ra < b ? b : ra;
    const bool none = p[l] < 0 || m == 0;
    const bool one = p[l] == q[l];
    const double of_p = m * ((first - rb) + (a - second)) / 2 / (a - ra);
    const double of_q = m * ((a - first) + (second - rb)) / 2 / (b - rb);
    mx[at_p] += none ? 0.0F : one ? my[l] : a == ra ? 0.0F : static_cast<float>(of_p);
    mx[at_q] += none || one || b == rb ? 0.0F : static_cast<float>(of_q);
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

void CpuDevice::pool_max_multipliers(Workspace&, const Window&, const Tensor& x, const Tensor& rx, const Tensor& winner,
                                     const Tensor& rwinner, const Tensor& my, const Tensor& mx) {
  const cpu::Images in = cpu::images_of(mx.shape());
  const std::int64_t in_points = in.points;
  const std::int64_t out_points = cpu::images_of(my.shape()).points;
  const std::int64_t lanes = mx.type.layout == Layout::blocked ? kChannelBlock : 1;
  const std::int64_t planes = in.images * (lanes == 1 ? in.channels : in.blocks());
  const bool in_lanes = lanes == kChannelBlock && in_points < (1 << 26);  // 32 bits find every element
  const float* const xs = x.as<float>().data();
  const float* const rxs = rx.as<float>().data();
  const std::int32_t* const p = winner.as<std::int32_t>().data();
  const std::int32_t* const q = rwinner.as<std::int32_t>().data();
  const float* const from = my.as<float>().data();
  float* const to = mx.as<float>().data();
  cpu::parallel_for(threads_, planes, (in_points + 8 * out_points) * lanes, 1,
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t plane = begin; plane < end; ++plane) {
                        const std::int64_t base = plane * in_points * lanes;
                        std::fill_n(to + base, in_points * lanes, 0.0F);
                        if (in_lanes) {
                          for (std::int64_t o = 0; o < out_points; ++o) {
                            const std::int64_t at = (plane * out_points + o) * lanes;
                            add_maxima(xs + base, rxs + base, p + at, q + at, from + at, to + base);
                          }
                          continue;
                        }
                        for (std::int64_t o = 0; o < out_points * lanes; ++o) {
                          const std::int64_t at = plane * out_points * lanes + o;
                          const std::int64_t lane = o % lanes;
                          if (p[at] < 0 || from[at] == 0.0F) continue;
                          add_extremum<float>(1, xs + base + lane, rxs + base + lane, p[at], q[at], from[at],
                                              to + base + lane, lanes);
                        }
                      }
                    });
  cpu::zero_padding(mx);
}

}  // namespace mho::kernels
