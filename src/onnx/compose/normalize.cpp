// Normalization over axes, as several operators need it.
#include "onnx/compose/normalize.h"

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

ValueId inverse_root_mean_square(Builder& build, ValueId x, const Shape& axes, double epsilon) {
  const ValueId mean_square = reduce(build, ReduceKind::mean, square(build, x), axes, true);
  return unary(build, Unary::pow, affine(build, mean_square, 1, epsilon), -0.5);
}

Normalized normalize(Builder& build, ValueId x, const Shape& axes, double epsilon) {
  const ValueId mean = reduce(build, ReduceKind::mean, x, axes, true);
  const ValueId centred = sub(build, x, mean);
  const ValueId inverse = inverse_root_mean_square(build, centred, axes, epsilon);
  return {mul(build, centred, inverse), mean, inverse};
}

}  // namespace mho::onnx::ops
