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

/// m+ and m- of RevealCancel, as their mean and half their difference, less the multiplier of Rescale in the mean.
struct RevealCancelParts {
  double even = 0;
  double odd = 0;
};

// df+ = [f(x'+D+) - f(x') + f(x) - f(x'+D-)] / 2, df- with the signs exchanged, m+ = df+ / D+, m- = df- / D-
// (arXiv 1704.02685 section 3.5.3). Where one of D+, D- is rounding, its multiplier is the limit: the mean slope of a
// small step in its direction from the two ends of the other.
template <class Real>
[[nodiscard]] RevealCancelParts reveal_cancel(const UnaryFunction& f, double x, double rx, double change) {
  change = std::max(change, std::abs(x - rx));
  const double plus = (change + (x - rx)) / 2;
  const double minus = (x - rx - change) / 2;
  double y = 0, ry = 0, up = 0, down = 0;
  visit_function(f, [&](const auto& function) {
    y = function(x);
    ry = function(rx);
    up = function(rx + plus);
    down = function(rx + minus);
  });
  const double step = smallest_delta<Real>(std::max(std::abs(x), change), rx, y, ry);
  const auto multiplier = [&](double delta, double df, double other, double direction) {
    if (std::abs(delta) > step) return df / delta;
    const double h = direction * step;
    return (slope_between(f, rx + h, rx + h) + slope_between(f, rx + other + h, rx + other + h)) / 2;
  };
  const double m_plus = multiplier(plus, (up - ry + y - down) / 2, minus, 1);
  const double m_minus = multiplier(minus, (down - ry + y - up) / 2, plus, -1);
  const double even = (m_plus + m_minus) / 2 - rescale<Real>(f, x, rx, y, ry);
  const double odd = (m_plus - m_minus) / 2;
  if (!std::isfinite(even) || !std::isfinite(odd)) return {};
  return {even, odd};
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
