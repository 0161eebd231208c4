// Rules of DeepLIFT for single elements, shared by all devices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/reference/functions.h"

namespace mho::kernels {

/// Differences up to this are rounding: delta y / delta x would be noise, and the slope between x and x' is taken.
template <class Real>
[[nodiscard]] double smallest_delta(double x, double rx, double y, double ry) {
  constexpr double kUlps = 64;
  const double scale = std::max({std::abs(x), std::abs(rx), std::min(1.0, std::max(std::abs(y), std::abs(ry)))});
  return kUlps * static_cast<double>(std::numeric_limits<Real>::epsilon()) * scale;
}

/// f' at the midpoint of x and x'; 0 where it is infinite.
[[nodiscard]] inline double slope_between(const UnaryFunction& f, double x, double rx) {
  double at = (x + rx) / 2;
  if (derivative_reads(f) == DerivativeReads::y) {
    visit_function(f, [&](const auto& function) { at = function(at); });
  }
  double slope = 0;
  visit_derivative(f, [&](const auto& derivative) { slope = derivative(at); });
  return std::isfinite(slope) ? slope : 0;
}

/// Rescale: delta y / delta x, or the slope between x and x' where delta x is rounding.
template <class Real>
[[nodiscard]] double rescale(const UnaryFunction& f, double x, double rx, double y, double ry) {
  const double delta = x - rx;
  if (std::abs(delta) > smallest_delta<Real>(x, rx, y, ry)) return (y - ry) / delta;
  return slope_between(f, x, rx);
}

// Maximum (sign 1) or minimum (sign -1), won by element p at x and by q at x'. One winner gets everything; else the
// mean over the two orders in which p and q can move: with a, b the values of p, q and a', b' those at x',
// C_p = [(max(a,b') - b') + (a - max(a',b))] / 2, C_q = [(a - max(a,b')) + (max(a',b) - b')] / 2, m = C / delta.
template <class Real>
void add_extremum(double sign, const Real* x, const Real* rx, std::int64_t p, std::int64_t q, double m, Real* mx,
                  std::int64_t stride = 1) {
  if (p == q) {
    mx[p * stride] += static_cast<Real>(m);
    return;
  }
  const double a = sign * static_cast<double>(x[p * stride]), b = sign * static_cast<double>(x[q * stride]);
  const double ra = sign * static_cast<double>(rx[p * stride]), rb = sign * static_cast<double>(rx[q * stride]);
  const double first = std::max(a, rb);
  const double second = std::max(ra, b);
  if (a != ra) mx[p * stride] += static_cast<Real>(m * ((first - rb) + (a - second)) / 2 / (a - ra));
  if (b != rb) mx[q * stride] += static_cast<Real>(m * ((a - first) + (second - rb)) / 2 / (b - rb));
}

}  // namespace mho::kernels
