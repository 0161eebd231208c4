// The elementwise functions: formulas of the ONNX operators of the same names, and their derivatives.
#pragma once

#include <mho/error.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <type_traits>

#include "kernels/elementwise.h"

namespace mho::kernels {

// Neither overflows for large |x|.
[[nodiscard]] inline double sigmoid(double x) {
  const double e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}
[[nodiscard]] inline double softplus(double x) { return (x < 0 ? 0.0 : x) + std::log1p(std::exp(-std::abs(x))); }

/// Calls visit(f) with f as a function of a double. NaN passes through every function but is_nan and logical_not.
template <class Visit>
void visit_function(const UnaryFunction& f, Visit&& visit) {
  const double a = f.alpha;
  const double b = f.beta;
  switch (f.kind) {
    case Unary::neg:
      return visit([](double x) { return -x; });
    case Unary::abs:
      return visit([](double x) { return std::abs(x); });
    case Unary::sign:
      return visit([](double x) { return x > 0 ? 1.0 : (x < 0 ? -1.0 : x); });
    case Unary::sqrt:
      return visit([](double x) { return std::sqrt(x); });
    case Unary::reciprocal:
      return visit([](double x) { return 1.0 / x; });
    case Unary::exp:
      return visit([](double x) { return std::exp(x); });
    case Unary::log:
      return visit([](double x) { return std::log(x); });
    case Unary::floor:
      return visit([](double x) { return std::floor(x); });
    case Unary::ceil:
      return visit([](double x) { return std::ceil(x); });
    case Unary::round:  // half to even: the default rounding mode
      return visit([](double x) { return std::nearbyint(x); });
    case Unary::logical_not:
      return visit([](double x) { return x == 0 ? 1.0 : 0.0; });
    case Unary::is_nan:
      return visit([](double x) { return std::isnan(x) ? 1.0 : 0.0; });
    case Unary::sin:
      return visit([](double x) { return std::sin(x); });
    case Unary::cos:
      return visit([](double x) { return std::cos(x); });
    case Unary::tan:
      return visit([](double x) { return std::tan(x); });
    case Unary::asin:
      return visit([](double x) { return std::asin(x); });
    case Unary::acos:
      return visit([](double x) { return std::acos(x); });
    case Unary::atan:
      return visit([](double x) { return std::atan(x); });
    case Unary::sinh:
      return visit([](double x) { return std::sinh(x); });
    case Unary::cosh:
      return visit([](double x) { return std::cosh(x); });
    case Unary::asinh:
      return visit([](double x) { return std::asinh(x); });
    case Unary::acosh:
      return visit([](double x) { return std::acosh(x); });
    case Unary::atanh:
      return visit([](double x) { return std::atanh(x); });
    case Unary::relu:
      return visit([](double x) { return x < 0 ? 0.0 : x; });
    case Unary::leaky_relu:
      return visit([=](double x) { return x < 0 ? a * x : x; });
    case Unary::elu:
      return visit([=](double x) { return x < 0 ? a * std::expm1(x) : x; });
    case Unary::selu:
      return visit([=](double x) { return b * (x < 0 ? a * std::expm1(x) : x); });
    case Unary::celu:  // max(0, x) + min(0, alpha (e^(x / alpha) - 1)): one term on either side of 0
      return visit([=](double x) { return x < 0 ? a * std::expm1(x / a) : x; });
    case Unary::sigmoid:
      return visit([](double x) { return sigmoid(x); });
    case Unary::hard_sigmoid:
      return visit([=](double x) {
        const double line = a * x + b;
        return line < 0 ? 0.0 : (line > 1 ? 1.0 : line);
      });
    case Unary::tanh:
      return visit([](double x) { return std::tanh(x); });
    case Unary::softplus:
      return visit([](double x) { return softplus(x); });
    case Unary::softsign:
      return visit([](double x) { return x / (1.0 + std::abs(x)); });
    case Unary::erf:
      return visit([](double x) { return std::erf(x); });
    case Unary::gelu_erf:  // erfc keeps the left tail exact
      return visit([=](double x) { return 0.5 * x * std::erfc(-a * x); });
    case Unary::gelu_tanh:  // (1 + tanh u) / 2 = sigmoid(2u)
      return visit([=](double x) { return x * sigmoid(2.0 * x * (a + b * x * x)); });
    case Unary::thresholded_relu:
      return visit([=](double x) { return x <= a ? 0.0 : x; });
    case Unary::clip:  // min(max(x, alpha), beta): beta wins if they cross
      return visit([=](double x) {
        const double low = x < a ? a : x;
        return low > b ? b : low;
      });
    case Unary::pow:
      return visit([=](double x) { return std::pow(x, a); });
    case Unary::affine:
      return visit([=](double x) { return a * x + b; });
  }
}

/// Calls visit(f') with f' as a function of what derivative_reads() names. At a kink: 0 for relu, abs and clip, and
/// the left derivative for the other rectifiers (torch's choices).
template <class Visit>
void visit_derivative(const UnaryFunction& f, Visit&& visit) {
  const double a = f.alpha;
  const double b = f.beta;
  switch (f.kind) {
    case Unary::neg:
      return visit([](double) { return -1.0; });
    case Unary::affine:
      return visit([=](double) { return a; });
    case Unary::sign:
    case Unary::floor:
    case Unary::ceil:
    case Unary::round:
    case Unary::logical_not:
    case Unary::is_nan:
      return visit([](double) { return 0.0; });
    case Unary::abs:
      return visit([](double x) { return x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0); });
    case Unary::sqrt:
      return visit([](double y) { return 0.5 / y; });
    case Unary::reciprocal:
      return visit([](double y) { return -y * y; });
    case Unary::exp:
      return visit([](double y) { return y; });
    case Unary::log:
      return visit([](double x) { return 1.0 / x; });
    case Unary::sin:
      return visit([](double x) { return std::cos(x); });
    case Unary::cos:
      return visit([](double x) { return -std::sin(x); });
    case Unary::tan:
      return visit([](double x) {
        const double t = std::tan(x);
        return 1.0 + t * t;
      });
    case Unary::asin:
      return visit([](double x) { return 1.0 / std::sqrt((1.0 - x) * (1.0 + x)); });
    case Unary::acos:
      return visit([](double x) { return -1.0 / std::sqrt((1.0 - x) * (1.0 + x)); });
    case Unary::atan:
      return visit([](double x) { return 1.0 / (1.0 + x * x); });
    case Unary::sinh:
      return visit([](double x) { return std::cosh(x); });
    case Unary::cosh:
      return visit([](double x) { return std::sinh(x); });
    case Unary::asinh:
      return visit([](double x) { return 1.0 / std::hypot(x, 1.0); });
    case Unary::acosh:  // NaN below 1, where acosh is
      return visit([](double x) { return 1.0 / (std::sqrt(x - 1.0) * std::sqrt(x + 1.0)); });
    case Unary::atanh:
      return visit([](double x) { return 1.0 / ((1.0 - x) * (1.0 + x)); });
    case Unary::relu:
      return visit([](double y) { return y > 0 ? 1.0 : 0.0; });
    case Unary::leaky_relu:  // of x, and where alpha >= 0 the same of y
      return visit([=](double v) { return v > 0 ? 1.0 : a; });
    case Unary::elu:
      return visit([=](double x) { return x > 0 ? 1.0 : a * std::exp(x); });
    case Unary::selu:
      return visit([=](double x) { return b * (x > 0 ? 1.0 : a * std::exp(x)); });
    case Unary::celu:
      return visit([=](double x) { return x > 0 ? 1.0 : std::exp(x / a); });
    case Unary::sigmoid:
      return visit([](double y) { return y * (1.0 - y); });
    case Unary::hard_sigmoid:
      return visit([=](double x) {
        const double line = a * x + b;
        return line > 0 && line < 1 ? a : 0.0;
      });
    case Unary::tanh:
      return visit([](double y) { return (1.0 - y) * (1.0 + y); });
    case Unary::softplus:
      return visit([](double x) { return sigmoid(x); });
    case Unary::softsign:
      return visit([](double x) {
        const double d = 1.0 + std::abs(x);
        return 1.0 / (d * d);
      });
    case Unary::erf:  // 2 / sqrt(pi) e^(-x^2)
      return visit([](double x) { return 2.0 * std::numbers::inv_sqrtpi * std::exp(-x * x); });
    case Unary::gelu_erf:
      return visit([=](double x) {
        return 0.5 * std::erfc(-a * x) + x * a * std::numbers::inv_sqrtpi * std::exp(-a * a * x * x);
      });
    case Unary::gelu_tanh:  // s + x s (1 - s) 2u', s = sigmoid(2u)
      return visit([=](double x) {
        const double s = sigmoid(2.0 * x * (a + b * x * x));
        return s + x * s * (1.0 - s) * 2.0 * (a + 3.0 * b * x * x);
      });
    case Unary::thresholded_relu:
      return visit([=](double x) { return x > a ? 1.0 : 0.0; });
    case Unary::clip:
      return visit([=](double x) { return x > a && x < b ? 1.0 : 0.0; });
    case Unary::pow:  // x^0 is constant, at 0 too
      return visit([=](double x) { return a == 0 ? 0.0 : a * std::pow(x, a - 1.0); });
  }
}

/// a + b, a - b, a * b; integers wrap around as in numpy (signed overflow is undefined in C++).
template <class T, class Op>
[[nodiscard]] T wrapping(T a, T b, Op op) {
  if constexpr (std::is_integral_v<T>) {
    using Bits = std::make_unsigned_t<T>;
    return static_cast<T>(op(static_cast<Bits>(a), static_cast<Bits>(b)));
  } else {
    return static_cast<T>(op(a, b));
  }
}

template <class T>
void require_divisor(T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == 0) {
      throw Error(Code::kInvalidArgument,
                  "an integer of the model is divided by zero (Div or Mod): check the inputs that shapes depend on");
    }
  }
}

/// Truncates towards zero on integers.
template <class T>
[[nodiscard]] T divide(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    require_divisor(b);
    if (b == -1) return wrapping(T{0}, a, std::minus<>());  // the smallest integer / -1 traps
  }
  return a / b;
}

/// Remainder of the dividend's sign.
template <class T>
[[nodiscard]] T remainder(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    require_divisor(b);
    return b == -1 ? T{0} : static_cast<T>(a % b);
  } else {
    return std::fmod(a, b);
  }
}

/// Remainder of the divisor's sign.
template <class T>
[[nodiscard]] T modulo(T a, T b) {
  const T r = remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/// a^b; integers wrap around, and a negative exponent truncates the true value.
template <class T>
[[nodiscard]] T power(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b < 0) {
      if (a == 0) throw Error(Code::kInvalidArgument, "Pow raises the integer 0 to a negative power: check the model");
      if (a == 1) return 1;
      return a == -1 ? (b % 2 == 0 ? T{1} : T{-1}) : T{0};
    }
    T result = 1;
    for (T base = a; b > 0; b /= 2) {
      if (b % 2 == 1) result = wrapping(result, base, std::multiplies<>());
      base = wrapping(base, base, std::multiplies<>());
    }
    return result;
  } else {
    return std::pow(a, b);
  }
}

/// NaN if either is.
template <class T>
[[nodiscard]] T larger(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
[[nodiscard]] T smaller(T a, T b) {
  return a < b || a != a ? a : b;
}

/// Calls visit(f) with f as a function of two T; false where f has another kind of operands. For numbers.
template <class T, class Visit>
bool visit_arithmetic(Binary f, Visit&& visit) {
  switch (f) {
    case Binary::add:
      return visit([](T a, T b) { return wrapping(a, b, std::plus<>()); });
    case Binary::sub:
      return visit([](T a, T b) { return wrapping(a, b, std::minus<>()); });
    case Binary::mul:
      return visit([](T a, T b) { return wrapping(a, b, std::multiplies<>()); });
    case Binary::div:
      return visit([](T a, T b) { return divide(a, b); });
    case Binary::pow:
      return visit([](T a, T b) { return power(a, b); });
    case Binary::max:
      return visit([](T a, T b) { return larger(a, b); });
    case Binary::min:
      return visit([](T a, T b) { return smaller(a, b); });
    case Binary::mod:
      return visit([](T a, T b) { return modulo(a, b); });
    case Binary::fmod:
      return visit([](T a, T b) { return remainder(a, b); });
    default:
      return false;
  }
}

/// The same for functions with a logical result.
template <class T, class Visit>
bool visit_predicate(Binary f, Visit&& visit) {
  switch (f) {
    case Binary::equal:
      return visit([](T a, T b) { return a == b; });
    case Binary::less:
      return visit([](T a, T b) { return a < b; });
    case Binary::less_or_equal:
      return visit([](T a, T b) { return a <= b; });
    case Binary::greater:
      return visit([](T a, T b) { return a > b; });
    case Binary::greater_or_equal:
      return visit([](T a, T b) { return a >= b; });
    case Binary::logical_and:
      return visit([](T a, T b) { return a != T{} && b != T{}; });
    case Binary::logical_or:
      return visit([](T a, T b) { return a != T{} || b != T{}; });
    case Binary::logical_xor:
      return visit([](T a, T b) { return (a != T{}) != (b != T{}); });
    default:
      return false;
  }
}

}  // namespace mho::kernels
