// Numbers on an integer grid, as real tensors: quantised values stay real in mho, so that gradients pass.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

/// The numbers that an ONNX integer type can hold. Empty optional for types that are none of 2 to 32 bits.
struct IntegerRange {
  double low, high;
};
[[nodiscard]] std::optional<IntegerRange> range_of(int element_type);

/// A scale or zero point as the operand of an elementwise operation with x: one number, one per element of `axis`, or
/// one per block of `block` elements along it. `axis` may be negative; block 0: no blocks.
[[nodiscard]] ValueId spread(const NodeContext& node, ValueId parameter, const Shape& x, std::int64_t axis,
                             std::int64_t block);

/// clip(round(x / scale) + zero): halves to even, gradient straight through inside the range, 0 outside.
[[nodiscard]] ValueId quantize(Builder& build, ValueId x, ValueId scale, ValueId zero, IntegerRange range);
/// (x - zero) * scale, as a real; zero may be kNoValue.
[[nodiscard]] ValueId dequantize(Builder& build, ValueId x, ValueId scale, ValueId zero);

}  // namespace mho::onnx::ops
