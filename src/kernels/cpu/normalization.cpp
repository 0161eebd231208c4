// Layer and RMS normalization, one row at a time, with sums in double.
#include <cmath>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

/// Returns 1 / deviation.
MHO_VECTORISED double normalize_row(const float* x, float* y, std::int64_t n, double epsilon, bool centred) {
  double mean = 0;
  if (centred) {
#pragma omp simd reduction(+ : mean)
    for (std::int64_t i = 0; i < n; ++i) mean += x[i];
    mean /= static_cast<double>(n);
  }
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>((x[i] - mean) * inverse);
  return inverse;
}

/// What the vector-Jacobian product of one row starts from.
struct Row {
  const float* y;
  const float* gy;
  double inverse_deviation;
};

// gx = d (gy - mean(gy) - y mean(y gy)), the first mean only where x is centred.
MHO_VECTORISED void normalize_row_vjp(const Row& row, float* gx, std::int64_t n, bool centred) {
  double sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
  for (std::int64_t i = 0; i < n; ++i) {
    sum += row.gy[i];
    product += static_cast<double>(row.gy[i]) * row.y[i];
  }
  const double mean = centred ? sum / static_cast<double>(n) : 0;
  product /= static_cast<double>(n);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    gx[i] = static_cast<float>(row.inverse_deviation * (row.gy[i] - mean - row.y[i] * product));
  }
}

/// Calls body(row, offset, length) for every normalized row.
template <class Body>
void for_each_row(int threads, const NormalizationAttributes& attributes, const Tensor& y, const Body& body) {
  const std::int64_t n = element_count(Shape(y.shape().begin() + attributes.axis, y.shape().end()));
  if (n == 0) return;
  constexpr std::int64_t kCost = 4;
  cpu::parallel_for(threads, y.type.elements() / n, n * kCost, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row, row * n, n);
  });
}

}  // namespace

void CpuDevice::normalization(Workspace&, const NormalizationAttributes& attributes, const Tensor& x, const Tensor& y,
                              const Tensor& inverse_deviation) {
  const float* const from = x.as<float>().data();
  float* const to = y.as<float>().data();
  float* const inverse = inverse_deviation.as<float>().data();
  for_each_row(threads_, attributes, y, [&](std::int64_t row, std::int64_t at, std::int64_t n) {
    inverse[row] = static_cast<float>(normalize_row(from + at, to + at, n, attributes.epsilon, attributes.centred));
  });
}

void CpuDevice::normalization_vjp(Workspace&, const NormalizationAttributes& attributes, const Tensor& y,
                                  const Tensor& inverse_deviation, const Tensor& gy, const Tensor& gx) {
  const float* const ys = y.as<float>().data();
  const float* const from = gy.as<float>().data();
  const float* const inverse = inverse_deviation.as<float>().data();
  float* const to = gx.as<float>().data();
  for_each_row(threads_, attributes, y, [&](std::int64_t row, std::int64_t at, std::int64_t n) {
    normalize_row_vjp({ys + at, from + at, inverse[row]}, to + at, n, attributes.centred);
  });
}

}  // namespace mho::kernels
