// Names of the elementwise functions. Their formulas are in reference/functions.h.
#pragma once

#include <cstdint>
#include <numbers>
#include <vector>

namespace mho::kernels {

/// One-input functions; alpha and beta as in the ONNX operator of that name unless said otherwise.
enum class Unary : std::uint8_t {
  neg,
  abs,
  sign,
  sqrt,
  reciprocal,
  exp,
  log,
  floor,
  ceil,
  round,
  logical_not,
  is_nan,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  relu,
  leaky_relu /*alpha*/,
  elu /*alpha*/,
  selu /*alpha, beta = gamma*/,
  celu /*alpha*/,
  sigmoid,
  hard_sigmoid /*alpha, beta*/,
  tanh,
  softplus,
  softsign,
  erf,
  gelu_erf /*x (1 + erf(alpha x)) / 2*/,
  gelu_tanh /*x (1 + tanh(alpha x + beta x^3)) / 2*/,
  thresholded_relu /*alpha*/,
  clip /*alpha = min, beta = max*/,
  pow /*x^alpha*/,
  affine /*alpha*x + beta*/
};

struct UnaryFunction {
  Unary kind = Unary::neg;
  double alpha = 0;
  double beta = 0;
  bool operator==(const UnaryFunction&) const = default;
};

/// With the constants of arXiv 1606.08415: 1 / sqrt 2; sqrt(2 / pi) and 0.044715 of it. Models round them.
inline constexpr UnaryFunction kGelu{Unary::gelu_erf, 1 / std::numbers::sqrt2};
inline constexpr double kGeluTanhSlope = 0.79788456080286535588;
inline constexpr UnaryFunction kGeluTanh{Unary::gelu_tanh, kGeluTanhSlope, 0.044715 * kGeluTanhSlope};

/// Whether f' is computed from the input or from the output: what a Plan must keep for the backward pass.
enum class DerivativeReads : std::uint8_t { nothing, x, y };
[[nodiscard]] DerivativeReads derivative_reads(const UnaryFunction& f);
/// Activation functions: finite everywhere, and no steeper anywhere than some bound.
[[nodiscard]] bool is_activation(const UnaryFunction& f);
/// The inputs at which a continuous, piecewise affine f passes from one piece to the next; none where f is curved or
/// jumps.
[[nodiscard]] std::vector<double> bends(const UnaryFunction& f);
/// Whether Device::unary_multipliers() reads y and its reference: not where x alone says what they are.
[[nodiscard]] constexpr bool multipliers_read_y(const UnaryFunction& f) { return f.kind != Unary::relu; }

enum class Binary : std::uint8_t {
  add,
  sub,
  mul,
  div,
  pow,
  max,
  min,
  mod /*sign of the divisor*/,
  fmod,
  equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  logical_and,
  logical_or,
  logical_xor
};

}  // namespace mho::kernels
