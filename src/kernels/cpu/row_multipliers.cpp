// DeepLIFT multipliers of softmax and normalization, one row at a time (formulas: kernels/reference).
#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

/// (e^u - e^v) / (u - v), 0 where both are -infinity.
inline double logarithmic_mean(double u, double v) {
  const double most = u > v ? u : v;
  const double d = u > v ? u - v : v - u;
  // (1 - e^-d) / d; below 1/2 by its series, which is exact to 1e-12 there.
  double p = 1.0 / 3628800;
  p = 1.0 / 362880 - d * p;
  p = 1.0 / 40320 - d * p;
  p = 1.0 / 5040 - d * p;
  p = 1.0 / 720 - d * p;
  p = 1.0 / 120 - d * p;
  p = 1.0 / 24 - d * p;
  p = 1.0 / 6 - d * p;
  p = 0.5 - d * p;
  p = 1.0 - d * p;
  const double far = (1.0 - cpu::fast_exp(-d)) / d;
  const double result = cpu::fast_exp(most) * (d < 0.5 ? p : far);
  return most < -1e300 ? 0.0 : result;
}

MHO_VECTORISED double log_sum_exp(const float* x, std::int64_t n) {
  float most = x[0];
#pragma omp simd reduction(max : most)
  for (std::int64_t i = 0; i < n; ++i) most = x[i] > most ? x[i] : most;
  const double shift = most;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += cpu::fast_exp(x[i] - shift);
  return shift + std::log(sum);
}

/// What a row starts from.
struct Row {
  const float* x;
  const float* rx;
  const float* my;
};

MHO_VECTORISED void softmax_row(const Row& row, bool log, double lse, double rlse, float* mx, std::int64_t n) {
  const double shift = std::max(lse, rlse);
  const double scale = logarithmic_mean(lse - shift, rlse - shift);
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const double m = log ? row.my[i] : row.my[i] * logarithmic_mean(row.x[i] - lse, row.rx[i] - rlse);
    sum += m;
    mx[i] = static_cast<float>(m);
  }
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const double w = logarithmic_mean(row.x[i] - shift, row.rx[i] - shift) / scale;
    mx[i] = static_cast<float>(mx[i] - w * sum);
  }
}

struct Moments {
  double mean;
  double deviation;
};

MHO_VECTORISED Moments moments(const float* x, std::int64_t n, double epsilon, bool centred) {
  double mean = 0;
#pragma omp simd reduction(+ : mean)
  for (std::int64_t i = 0; i < n; ++i) mean += x[i];
  mean = centred ? mean / static_cast<double>(n) : 0;
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, std::sqrt(squares / static_cast<double>(n) + epsilon)};
}

MHO_VECTORISED void normalization_row(const Row& row, const Moments& m, const Moments& r, bool centred, float* mx,
                                      std::int64_t n) {
  double total = 0, sum = 0;
#pragma omp simd reduction(+ : total, sum)
  for (std::int64_t i = 0; i < n; ++i) {
    total += row.my[i];
    sum += row.my[i] * ((row.x[i] - m.mean) + (row.rx[i] - r.mean));
  }
  const double s = m.deviation, rs = r.deviation;
  const double of_c = (1 / s + 1 / rs) / 2;
  const double of_squares = -sum / 2 / (s * rs * (s + rs)) / static_cast<double>(n);
  const double mean = centred ? of_c * total / static_cast<double>(n) : 0;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const double twice = (row.x[i] - m.mean) + (row.rx[i] - r.mean);
    mx[i] = static_cast<float>(of_c * row.my[i] + of_squares * twice - mean);
  }
}

/// Calls body(row, multipliers of its input) for every row of n elements.
template <class Body>
void for_each_row(int threads, std::int64_t n, std::int64_t cost, const Tensor& x, const Tensor& rx, const Tensor& my,
                  const Tensor& mx, const Body& body) {
  if (mx.type.elements() == 0) return;
  const float *xs = x.as<float>().data(), *rxs = rx.as<float>().data(), *from = my.as<float>().data();
  float* const to = mx.as<float>().data();
  cpu::parallel_for(threads, mx.type.elements() / n, n * cost, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin * n; at < end * n; at += n) body(Row{xs + at, rxs + at, from + at}, to + at);
  });
}

}  // namespace

void CpuDevice::softmax_multipliers(Workspace& workspace, bool log, const Tensor& x, const Tensor& rx,
                                    std::int64_t axis, const Tensor& my, const Tensor& mx) {
  if (axis + 1 != static_cast<std::int64_t>(x.rank())) {
    return ReferenceDevice<float>::softmax_multipliers(workspace, log, x, rx, axis, my, mx);
  }
  constexpr std::int64_t kCost = 64;
  const std::int64_t n = x.shape().back();
  for_each_row(threads_, n, kCost, x, rx, my, mx, [&](const Row& row, float* to) {
    softmax_row(row, log, log_sum_exp(row.x, n), log_sum_exp(row.rx, n), to, n);
  });
}

void CpuDevice::normalization_multipliers(Workspace&, const NormalizationAttributes& attributes, const Tensor& x,
                                          const Tensor& rx, const Tensor& my, const Tensor& mx) {
  constexpr std::int64_t kCost = 8;
  const std::int64_t n = element_count(Shape(x.shape().begin() + attributes.axis, x.shape().end()));
  const bool centred = attributes.centred;
  for_each_row(threads_, n, kCost, x, rx, my, mx, [&](const Row& row, float* to) {
    normalization_row(row, moments(row.x, n, attributes.epsilon, centred),
                      moments(row.rx, n, attributes.epsilon, centred), centred, to, n);
  });
}

}  // namespace mho::kernels
