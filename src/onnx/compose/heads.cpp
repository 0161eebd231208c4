// Parts of attention operators: heads, masks, rotary positions, the product of scores and values.
#include "onnx/compose/heads.h"

#include <fmt/format.h>

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

ValueId split_heads(const NodeContext& node, ValueId x, std::int64_t heads) {
  Builder& build = node.build;
  const Shape shape = build.type(x).shape;
  if (shape.size() != 3 || heads < 1 || shape[2] % heads != 0) {
    node.invalid(fmt::format("{} cannot be split into {} heads", to_string(shape), heads));
  }
  return transpose(build, reshape(build, x, {shape[0], shape[1], heads, shape[2] / heads}), {0, 2, 1, 3});
}

ValueId merge_heads(Builder& build, ValueId x) {
  const Shape shape = build.type(x).shape;
  return reshape(build, transpose(build, x, {0, 2, 1, 3}), {shape[0], shape[2], shape[1] * shape[3]});
}

ValueId repeat_heads(Builder& build, ValueId x, std::int64_t times) {
  if (times == 1) return x;
  Shape shape = build.type(x).shape;
  shape.insert(shape.begin() + 2, 1);
  const ValueId apart = reshape(build, x, shape);
  shape[2] = times;
  const ValueId repeated = broadcast(build, apart, shape);
  shape.erase(shape.begin() + 2);
  shape[1] *= times;
  return reshape(build, repeated, shape);
}

ValueId mask_bias(Builder& build, ValueId allowed, double masked) {
  return build.apply1(primitives::make_where(), {allowed, build.scalar(0), build.scalar(masked)});
}

ValueId causal(Builder& build, std::int64_t rows, std::int64_t columns, ValueId offset) {
  const ValueId i = build.integers({rows, 1}, axis_range(0, static_cast<std::size_t>(rows)));
  const ValueId j = build.integers({1, columns}, axis_range(0, static_cast<std::size_t>(columns)));
  if (const Shape& shape = build.type(offset).shape; !shape.empty())
    offset = reshape(build, offset, {shape[0], 1, 1, 1});
  return binary(build, Binary::less_or_equal, j, add(build, i, offset));
}

ValueId scores(Builder& build, ValueId q, ValueId k, double scale) {
  return affine(build, build.apply1(primitives::make_matmul({false, true}), {q, k}), scale, 0);
}

ValueId rotate(Builder& build, ValueId x, ValueId cosines, ValueId sines, std::int64_t rotated, bool interleaved) {
  const Shape shape = build.type(x).shape;
  const std::int64_t half = rotated / 2;
  const ValueId turned = slice(build, x, 3, 0, rotated);
  ValueId a, b;
  const Shape pairs{shape[0], shape[1], shape[2], half, 2};
  if (interleaved) {
    const ValueId paired = reshape(build, turned, pairs);
    a = drop_axes(build, slice(build, paired, 4, 0, 1), {4});
    b = drop_axes(build, slice(build, paired, 4, 1, 1), {4});
  } else {
    a = slice(build, turned, 3, 0, half);
    b = slice(build, turned, 3, half, half);
  }
  const ValueId real = sub(build, mul(build, cosines, a), mul(build, sines, b));
  const ValueId imaginary = add(build, mul(build, sines, a), mul(build, cosines, b));
  ValueId result;
  if (interleaved) {
    Shape apart = pairs;
    apart[4] = 1;
    result = build.apply1(primitives::make_concat(4), {reshape(build, real, apart), reshape(build, imaginary, apart)});
    result = reshape(build, result, {shape[0], shape[1], shape[2], rotated});
  } else {
    result = build.apply1(primitives::make_concat(3), {real, imaginary});
  }
  if (rotated == shape[3]) return result;
  return build.apply1(primitives::make_concat(3), {result, slice(build, x, 3, rotated, shape[3] - rotated)});
}

}  // namespace mho::onnx::ops
