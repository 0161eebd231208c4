// What the derivative of each elementwise function is computed from.
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

}  // namespace mho::kernels
