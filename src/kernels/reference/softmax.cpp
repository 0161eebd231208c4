// Softmax and LogSoftmax along one axis, with their vector-Jacobian products.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/reference_device.h"

namespace mho::kernels {

namespace {

/// Calls f(first element, stride, count) for every line along `axis`.
template <class F>
void for_each_line(const Shape& shape, std::int64_t axis, F&& f) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (static_cast<std::int64_t>(i) < axis) outer *= shape[i];
    if (static_cast<std::int64_t>(i) > axis) inner *= shape[i];
  }
  const std::int64_t count = shape[static_cast<std::size_t>(axis)];
  if (count == 0) return;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) f(o * count * inner + i, inner, count);
  }
}

/// sum(exp(x - max)) of one line.
template <class Real>
double sum_exp(const Real* x, std::int64_t stride, std::int64_t count, double& max) {
  max = -std::numeric_limits<double>::infinity();
  for (std::int64_t k = 0; k < count; ++k) max = std::max(max, static_cast<double>(x[k * stride]));
  double sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += std::exp(static_cast<double>(x[k * stride]) - max);
  return sum;
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::softmax(Workspace&, const Tensor& x, std::int64_t axis, const Tensor& y) {
  for_each_line(x.shape(), axis, [&](std::int64_t first, std::int64_t stride, std::int64_t count) {
    const Real* xs = x.as<Real>().data() + first;
    Real* ys = y.as<Real>().data() + first;
    double max = 0;
    const double sum = sum_exp(xs, stride, count, max);
    for (std::int64_t k = 0; k < count * stride; k += stride) {
      ys[k] = static_cast<Real>(std::exp(static_cast<double>(xs[k]) - max) / sum);
    }
  });
}

// gx = y * (gy - sum(y * gy))
template <class Real>
void ReferenceDevice<Real>::softmax_vjp(Workspace&, const Tensor& y, const Tensor& gy, std::int64_t axis,
                                        const Tensor& gx) {
  for_each_line(y.shape(), axis, [&](std::int64_t first, std::int64_t stride, std::int64_t count) {
    const Real* ys = y.as<Real>().data() + first;
    const Real* gys = gy.as<Real>().data() + first;
    Real* gxs = gx.as<Real>().data() + first;
    double sum = 0;
    for (std::int64_t k = 0; k < count * stride; k += stride) {
      sum += static_cast<double>(ys[k]) * static_cast<double>(gys[k]);
    }
    for (std::int64_t k = 0; k < count * stride; k += stride) {
      gxs[k] = static_cast<Real>(static_cast<double>(ys[k]) * (static_cast<double>(gys[k]) - sum));
    }
  });
}

template <class Real>
void ReferenceDevice<Real>::log_softmax(Workspace&, const Tensor& x, std::int64_t axis, const Tensor& y) {
  for_each_line(x.shape(), axis, [&](std::int64_t first, std::int64_t stride, std::int64_t count) {
    const Real* xs = x.as<Real>().data() + first;
    Real* ys = y.as<Real>().data() + first;
    double max = 0;
    const double total = std::log(sum_exp(xs, stride, count, max));
    for (std::int64_t k = 0; k < count * stride; k += stride) {
      ys[k] = static_cast<Real>(static_cast<double>(xs[k]) - max - total);
    }
  });
}

// gx = gy - exp(y) * sum(gy)
template <class Real>
void ReferenceDevice<Real>::log_softmax_vjp(Workspace&, const Tensor& y, const Tensor& gy, std::int64_t axis,
                                            const Tensor& gx) {
  for_each_line(y.shape(), axis, [&](std::int64_t first, std::int64_t stride, std::int64_t count) {
    const Real* ys = y.as<Real>().data() + first;
    const Real* gys = gy.as<Real>().data() + first;
    Real* gxs = gx.as<Real>().data() + first;
    double sum = 0;
    for (std::int64_t k = 0; k < count * stride; k += stride) sum += static_cast<double>(gys[k]);
    for (std::int64_t k = 0; k < count * stride; k += stride) {
      gxs[k] = static_cast<Real>(static_cast<double>(gys[k]) - std::exp(static_cast<double>(ys[k])) * sum);
    }
  });
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
