// Numbers on an integer grid, as real tensors: quantised values stay real in mho, so that gradients pass.
#include "onnx/compose/quantize.h"

#include <fmt/format.h>

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

std::optional<IntegerRange> range_of(int element_type) {
  switch (element_type) {  // TensorProto.DataType
    case 2:                // UINT8
      return IntegerRange{0, 255};
    case 3:  // INT8
      return IntegerRange{-128, 127};
    case 4:  // UINT16
      return IntegerRange{0, 65535};
    case 5:  // INT16
      return IntegerRange{-32768, 32767};
    case 6:  // INT32
      return IntegerRange{-2147483648.0, 2147483647.0};
    case 21:  // UINT4
      return IntegerRange{0, 15};
    case 22:  // INT4
      return IntegerRange{-8, 7};
    case 25:  // UINT2
      return IntegerRange{0, 3};
    case 26:  // INT2
      return IntegerRange{-2, 1};
    default:
      return std::nullopt;
  }
}

ValueId spread(const NodeContext& node, ValueId parameter, const Shape& x, std::int64_t axis, std::int64_t block) {
  Builder& build = node.build;
  const Shape shape = build.type(parameter).shape;
  if (element_count(shape) == 1 && block == 0) return reshape(build, parameter, {});
  const auto at = static_cast<std::size_t>(node.normalized_axis(axis, x.size()));
  if (block < 0) node.invalid(fmt::format("a block of {} elements", block));
  if (block == 0) {
    if (shape != Shape{x[at]}) {
      node.invalid(fmt::format("its parameters have shape {} for axis {} of {}", to_string(shape), at, to_string(x)));
    }
    Shape along(x.size(), 1);
    along[at] = x[at];
    return reshape(build, parameter, along);
  }
  Shape expected = x;
  expected[at] = x[at] == 0 ? 0 : (x[at] - 1) / block + 1;
  if (shape != expected) {
    node.invalid(fmt::format("its parameters have shape {} instead of {} for blocks of {} of {}", to_string(shape),
                             to_string(expected), block, to_string(x)));
  }
  build.expect(x[at]);
  std::vector<std::int64_t> blocks;
  for (std::int64_t i = 0; i < x[at]; ++i) blocks.push_back(i / block);
  return take(build, parameter, static_cast<std::int64_t>(at), std::move(blocks));
}

ValueId quantize(Builder& build, ValueId x, ValueId scale, ValueId zero, IntegerRange range) {
  ValueId y = build.apply1(primitives::make_round_straight_through(), {div(build, as_real(build, x), scale)});
  if (zero != kNoValue) y = add(build, y, as_real(build, zero));
  return unary(build, Unary::clip, y, range.low, range.high);
}

ValueId dequantize(Builder& build, ValueId x, ValueId scale, ValueId zero) {
  x = as_real(build, x);
  if (zero != kNoValue) x = sub(build, x, as_real(build, zero));
  return mul(build, x, as_real(build, scale));
}

}  // namespace mho::onnx::ops
