// Facts about elementwise functions: what their derivatives are computed from, which are activations.
#include "kernels/elementwise.h"

namespace mho::kernels {

DerivativeReads derivative_reads(const UnaryFunction& f) {
  switch (f.kind) {
    case Unary::neg:
    case Unary::affine:
    case Unary::floor:
    case Unary::ceil:
    case Unary::round:
    case Unary::sign:
    case Unary::logical_not:
    case Unary::is_nan:
      return DerivativeReads::nothing;
    case Unary::leaky_relu:  // with a negative slope y no longer tells the sign of x
      return f.alpha >= 0 ? DerivativeReads::y : DerivativeReads::x;
    case Unary::relu:
    case Unary::sigmoid:
    case Unary::tanh:
    case Unary::exp:
    case Unary::sqrt:
    case Unary::reciprocal:
      return DerivativeReads::y;
    default:
      return DerivativeReads::x;
  }
}

bool is_activation(const UnaryFunction& f) {
  switch (f.kind) {
    case Unary::abs:
    case Unary::sin:
    case Unary::cos:
    case Unary::atan:
    case Unary::asinh:
    case Unary::relu:
    case Unary::leaky_relu:
    case Unary::elu:
    case Unary::selu:
    case Unary::celu:
    case Unary::sigmoid:
    case Unary::hard_sigmoid:
    case Unary::tanh:
    case Unary::softplus:
    case Unary::softsign:
    case Unary::erf:
    case Unary::gelu_erf:
    case Unary::gelu_tanh:
    case Unary::thresholded_relu:
    case Unary::clip:
      return true;
    default:
      return false;
  }
}

std::vector<double> bends(const UnaryFunction& f) {
  switch (f.kind) {
    case Unary::relu:
    case Unary::leaky_relu:
    case Unary::abs:
      return {0};
    case Unary::clip:
      return {f.alpha, f.beta};
    case Unary::hard_sigmoid:  // max(0, min(1, alpha x + beta))
      if (f.alpha == 0) return {0};
      return {-f.beta / f.alpha, (1 - f.beta) / f.alpha};
    default:
      return {};
  }
}

}  // namespace mho::kernels
