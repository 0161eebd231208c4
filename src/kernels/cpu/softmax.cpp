// Softmax along the last axis, one row at a time, with its sums in double. Other axes are the plain loops.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/softmax_rows.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

MHO_VECTORISED float largest(const float* x, std::int64_t n) {
  float result = x[0];
#pragma omp simd reduction(max : result)
  for (std::int64_t i = 0; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

MHO_VECTORISED double sum_of_exp(const float* x, double shift, std::int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += cpu::fast_exp(x[i] - shift);
  return sum;
}

MHO_VECTORISED void log_softmax_row(const float* x, float* y, std::int64_t n) {
  const double shift = largest(x, n);
  const double total = shift + std::log(sum_of_exp(x, shift, n));
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i] - total);
}

// gx = gy - e^y sum(gy)
MHO_VECTORISED void log_softmax_row_vjp(const float* y, const float* gy, float* gx, std::int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += gy[i];
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) gx[i] = static_cast<float>(gy[i] - cpu::fast_exp(y[i]) * sum);
}

/// Calls body(offset, length) for every row along the last axis.
template <class Body>
void for_each_row(int threads, const Tensor& y, const Body& body) {
  const std::int64_t n = y.shape().back();
  constexpr std::int64_t kCost = 16;
  cpu::parallel_for(threads, y.type.elements() / n, n * kCost, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row * n, n);
  });
}

/// True where `axis` (negative counts from the end) is the last of a tensor with elements.
bool is_rows(const Tensor& y, std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(y.rank());
  return y.type.elements() > 0 && (axis == rank - 1 || axis == -1);
}

const float* floats(const Tensor& tensor) { return tensor.as<float>().data(); }

}  // namespace

namespace cpu {

MHO_VECTORISED void softmax_row(const float* x, float* y, std::int64_t n) {
  const float shift = largest(x, n);
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const float e = fast_exp_down(x[i] - shift);
    y[i] = e;
    sum += e;
  }
  const auto scale = static_cast<float>(1 / sum);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] *= scale;
}

// gx = y (gy - sum(gy y))
MHO_VECTORISED void softmax_row_vjp(const float* y, const float* gy, float* gx, std::int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(gy[i]) * y[i];
  const auto mean = static_cast<float>(sum);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) gx[i] = y[i] * (gy[i] - mean);
}

}  // namespace cpu

void CpuDevice::softmax(Workspace& workspace, const Tensor& x, std::int64_t axis, const Tensor& y) {
  if (!is_rows(y, axis)) return ReferenceDevice<float>::softmax(workspace, x, axis, y);
  float* const to = y.as<float>().data();
  for_each_row(threads_, y, [&](std::int64_t at, std::int64_t n) { cpu::softmax_row(floats(x) + at, to + at, n); });
}

void CpuDevice::softmax_vjp(Workspace& workspace, const Tensor& y, const Tensor& gy, std::int64_t axis,
                            const Tensor& gx) {
  if (!is_rows(y, axis)) return ReferenceDevice<float>::softmax_vjp(workspace, y, gy, axis, gx);
  float* const to = gx.as<float>().data();
  for_each_row(threads_, y, [&](std::int64_t at, std::int64_t n) {
    cpu::softmax_row_vjp(floats(y) + at, floats(gy) + at, to + at, n);
  });
}

void CpuDevice::log_softmax(Workspace& workspace, const Tensor& x, std::int64_t axis, const Tensor& y) {
  if (!is_rows(y, axis)) return ReferenceDevice<float>::log_softmax(workspace, x, axis, y);
  float* const to = y.as<float>().data();
  for_each_row(threads_, y, [&](std::int64_t at, std::int64_t n) { log_softmax_row(floats(x) + at, to + at, n); });
}

void CpuDevice::log_softmax_vjp(Workspace& workspace, const Tensor& y, const Tensor& gy, std::int64_t axis,
                                const Tensor& gx) {
  if (!is_rows(y, axis)) return ReferenceDevice<float>::log_softmax_vjp(workspace, y, gy, axis, gx);
  float* const to = gx.as<float>().data();
  for_each_row(threads_, y, [&](std::int64_t at, std::int64_t n) {
    log_softmax_row_vjp(floats(y) + at, floats(gy) + at, to + at, n);
  });
}

}  // namespace mho::kernels
