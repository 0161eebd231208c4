// Slices along a new axis, for operators that are unrolled.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

/// How often a loop may run.
inline constexpr std::int64_t kMostTrips = 1 << 20;

/// The slices, of one type and at least one, along a new axis; negative axes count from the end of the result.
[[nodiscard]] ValueId stack(const NodeContext& node, const std::vector<ValueId>& slices, std::int64_t axis);

}  // namespace mho::onnx::ops
