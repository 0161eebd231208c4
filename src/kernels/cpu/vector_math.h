// Functions of one number that compilers turn into vector code: no branches, no library calls. Float-accurate because
// they compute in double; where a float version is as accurate, it has half the work.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

// Compiles a loop for several instruction sets; the loader picks one. Clang has no such templates and thread sanitizer
// cannot run the loader's choice: they get the baseline.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) && !defined(__SANITIZE_THREAD__)
#define MHO_VECTORISED [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define MHO_VECTORISED
#endif

namespace mho::kernels::cpu {

/// e^x for float results: relative error below 1e-9, 0 below e^-700, infinity above e^700, NaN stays NaN.
inline double fast_exp(double value) {
  // x = n ln 2 + r, |r| <= ln 2 / 2; adding kRound leaves n in the low bits of the sum.
  constexpr double kRound = 0x1.8p52;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  constexpr double kLimit = 700.0;
  double x = value > kLimit ? kLimit : value;
  x = x < -kLimit ? -kLimit : x;
  const double shifted = x * 0x1.71547652b82fep0 + kRound;
  const double n = shifted - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double p = 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const auto bits = std::bit_cast<std::uint64_t>(shifted) + 1023;
  double y = p * std::bit_cast<double>(bits << 52);
  y = value > kLimit ? std::numeric_limits<double>::infinity() : y;
  return value < -kLimit ? 0.0 : y;
}

/// 2 artanh(s) for |s| <= 1/3.
inline double twice_artanh(double s) {
  const double z = s * s;
  double p = 1.0 / 19;
  p = p * z + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  p = p * z + 1.0;
  return 2.0 * s * p;
}

/// Natural logarithm of a float.
inline double fast_log(double x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)).
  constexpr std::uint64_t kHalfRoot = 0x3fe6a09e667f3bcdULL;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t offset = bits - kHalfRoot;
  const double m = std::bit_cast<double>((offset & 0x000fffffffffffffULL) + kHalfRoot);
  // The exponent as a double without an integer conversion: put it into the low bits of 2^52 and subtract that.
  const double e = std::bit_cast<double>(((offset >> 52) ^ 0x800) | 0x4330000000000000ULL) - (0x1p52 + 0x800);
  double y = e * 0x1.62e42fefa39efp-1 + twice_artanh((m - 1.0) / (m + 1.0));
  y = x == 0.0 ? -kInfinity : y;
  y = x == kInfinity ? kInfinity : y;
  return x >= 0.0 ? y : std::numeric_limits<double>::quiet_NaN();
}

inline double fast_sigmoid(double x) { return 1.0 / (1.0 + fast_exp(-x)); }

inline double fast_tanh(double x) {
  const double e = fast_exp(2.0 * x);
  const double far = 1.0 - 2.0 / (e + 1.0);
  const double near = x - x * x * x * (1.0 / 3);  // 1 - 2/(e + 1) cancels there
  return std::abs(x) < 1e-3 ? near : far;
}

/// log(1 + e^x)
inline double fast_softplus(double x) {
  const double u = fast_exp(-std::abs(x));
  return (x > 0.0 ? x : 0.0) + twice_artanh(u / (2.0 + u));
}

/// erfc(x) e^(x^2) for x >= 0, relative error below 1e-8 in double: t P(t) with t = 2 / (2 + x), P a Chebyshev fit on
/// 0 <= x <= 12.
template <class T>
T scaled_erfc(T x) {
  const T t = T(2) / (T(2) + x);
  const T s = t - T(0.5);
  T p = T(0.035666617380227542);
  p = p * s - T(0.012838510652676959);
  p = p * s - T(0.075234172679196562);
  p = p * s + T(0.053321514460703663);
  p = p * s + T(0.097867205763286808);
  p = p * s - T(0.1036057540834865);
  p = p * s - T(0.17203639205256818);
  p = p * s + T(0.14576634513885139);
  p = p * s + T(0.55894333148388586);
  p = p * s + T(0.68716070884889724);
  p = p * s + T(0.51079135509340001);
  return t * p;
}

/// erfc(x), relative error below 1e-8.
inline double fast_erfc(double x) {
  const double positive = std::abs(x);
  const double y = scaled_erfc(positive) * fast_exp(-positive * positive);
  return x < 0.0 ? 2.0 - y : y;
}

inline double fast_erf(double x) {
  // 1 - erfc(x) cancels near 0: the Taylor series there.
  const double z = x * x;
  double p = -1.0 / 75600;
  p = p * z + 1.0 / 9360;
  p = p * z - 1.0 / 1320;
  p = p * z + 1.0 / 216;
  p = p * z - 1.0 / 42;
  p = p * z + 1.0 / 10;
  p = p * z - 1.0 / 3;
  p = p * z + 1.0;
  const double near = 1.1283791670955126 * x * p;
  return std::abs(x) < 0.5 ? near : 1.0 - fast_erfc(x);
}

/// e^(high + low) for high <= 0 and |low| < 0.05, within 2 ulp; 0 below e^-87.3, NaN stays NaN.
inline float fast_exp_down(float high, float low = 0.0F) {
  constexpr float kRound = 0x1.8p23F;
  constexpr float kLn2High = 0x1.62e4p-1F;
  constexpr float kLn2Low = 0x1.7f7d1cp-20F;
  constexpr float kLimit = -87.3F;
  const float x = high < kLimit ? kLimit : high;
  const float shifted = x * 0x1.715476p0F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low + low;
  float p = 1.0F / 5040;
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const auto bits = std::bit_cast<std::uint32_t>(shifted) + 127U;
  const float y = p * std::bit_cast<float>(bits << 23U);
  return high < kLimit ? 0.0F : y;
}

/// e^(-c x^2), c > 0. The square is the sum of two floats: its rounding would be an error of c x^2 ulp.
inline float fast_gaussian(float c, float x) {
  const float head = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xfffff000U);  // its square is exact
  return fast_exp_down(-c * head * head, -c * (x - head) * (x + head));
}

/// erfc(-a x), with gaussian = e^(-a^2 x^2).
inline float erfc_of_negative(float a, float x, float gaussian) {
  const float far = scaled_erfc(std::abs(a * x)) * gaussian;
  return x > 0.0F ? 2.0F - far : far;
}

}  // namespace mho::kernels::cpu
