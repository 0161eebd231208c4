// Layer and RMS normalization over trailing axes, with vector-Jacobian products and multipliers.
#include <cmath>

#include "kernels/reference/reference_device.h"

namespace mho::kernels {

namespace {

/// Normalized elements of each row.
std::int64_t row_length(const NormalizationAttributes& attributes, const Shape& shape) {
  return element_count(Shape(shape.begin() + attributes.axis, shape.end()));
}

/// Calls f(first element, row) for every row of n elements.
template <class F>
void for_each_row(const Tensor& t, std::int64_t n, F&& f) {
  if (n == 0) return;
  const std::int64_t rows = t.type.elements() / n;
  for (std::int64_t row = 0; row < rows; ++row) f(row * n, row);
}

/// Mean and deviation of one row.
struct Moments {
  double mean = 0;
  double deviation = 0;
};

template <class Real>
Moments moments(const NormalizationAttributes& attributes, const Real* x, std::int64_t n) {
  Moments result;
  if (attributes.centred) {
    for (std::int64_t i = 0; i < n; ++i) result.mean += static_cast<double>(x[i]);
    result.mean /= static_cast<double>(n);
  }
  double squares = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double c = static_cast<double>(x[i]) - result.mean;
    squares += c * c;
  }
  result.deviation = std::sqrt(squares / static_cast<double>(n) + attributes.epsilon);
  return result;
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::normalization(Workspace&, const NormalizationAttributes& attributes, const Tensor& x,
                                          const Tensor& y, const Tensor& inverse_deviation) {
  const std::int64_t n = row_length(attributes, x.shape());
  for_each_row(x, n, [&](std::int64_t first, std::int64_t row) {
    const Real* xs = x.as<Real>().data() + first;
    Real* ys = y.as<Real>().data() + first;
    const Moments m = moments(attributes, xs, n);
    for (std::int64_t i = 0; i < n; ++i) {
      ys[i] = static_cast<Real>((static_cast<double>(xs[i]) - m.mean) / m.deviation);
    }
    inverse_deviation.as<Real>()[static_cast<std::size_t>(row)] = static_cast<Real>(1 / m.deviation);
  });
}

// gx = d (gy - mean(gy) - y mean(y gy)), the first mean only where x is centred.
template <class Real>
void ReferenceDevice<Real>::normalization_vjp(Workspace&, const NormalizationAttributes& attributes, const Tensor& y,
                                              const Tensor& inverse_deviation, const Tensor& gy, const Tensor& gx) {
  const std::int64_t n = row_length(attributes, y.shape());
  for_each_row(y, n, [&](std::int64_t first, std::int64_t row) {
    const Real* ys = y.as<Real>().data() + first;
    const Real* gys = gy.as<Real>().data() + first;
    Real* gxs = gx.as<Real>().data() + first;
    double mean = 0, product = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      mean += static_cast<double>(gys[i]);
      product += static_cast<double>(gys[i]) * static_cast<double>(ys[i]);
    }
    mean = attributes.centred ? mean / static_cast<double>(n) : 0;
    product /= static_cast<double>(n);
    const auto d = static_cast<double>(inverse_deviation.as<Real>()[static_cast<std::size_t>(row)]);
    for (std::int64_t i = 0; i < n; ++i) {
      gxs[i] = static_cast<Real>(d * (static_cast<double>(gys[i]) - mean - static_cast<double>(ys[i]) * product));
    }
  });
}

// With c = x - mean and s the deviation, y = c / s: the symmetric split of the product c * (1/s), Rescale of
// v -> v^(-1/2) at v = s^2, and the symmetric split of the squares in v = mean(c^2) + epsilon:
//   1/s - 1/s' = -(v - v') / (s s' (s + s')),   v - v' = mean((c - c')(c + c')).
template <class Real>
void ReferenceDevice<Real>::normalization_multipliers(Workspace&, const NormalizationAttributes& attributes,
                                                      const Tensor& x, const Tensor& rx, const Tensor& my,
                                                      const Tensor& mx) {
  const std::int64_t n = row_length(attributes, x.shape());
  for_each_row(x, n, [&](std::int64_t first, std::int64_t) {
    const Real* xs = x.as<Real>().data() + first;
    const Real* rxs = rx.as<Real>().data() + first;
    const Real* mys = my.as<Real>().data() + first;
    Real* mxs = mx.as<Real>().data() + first;
    const Moments m = moments(attributes, xs, n);
    const Moments r = moments(attributes, rxs, n);
    const auto twice_centred = [&](std::int64_t i) {  // c + c'
      return (static_cast<double>(xs[i]) - m.mean) + (static_cast<double>(rxs[i]) - r.mean);
    };
    const double s = m.deviation, rs = r.deviation;
    double sum = 0, total = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      total += static_cast<double>(mys[i]);
      sum += static_cast<double>(mys[i]) * twice_centred(i) / 2;
    }
    const double of_c = (1 / s + 1 / rs) / 2;
    const double of_squares = -sum / (s * rs * (s + rs)) / static_cast<double>(n);
    // The c + c' sum to 0 where x is centred.
    const double mean = attributes.centred ? of_c * total / static_cast<double>(n) : 0;
    for (std::int64_t i = 0; i < n; ++i) {
      mxs[i] = static_cast<Real>(of_c * static_cast<double>(mys[i]) + of_squares * twice_centred(i) - mean);
    }
  });
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
