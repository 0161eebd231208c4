// Integer arithmetic for operators that move elements by index. What is constant is folded while it is built.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

/// Positions that a lowering lists one by one; networks that need more are refused.
inline constexpr std::int64_t kMostListed = std::int64_t{1} << 26;

/// `indices` (any integers; negative ones count from the end) as i64, in [0, extent). Constants out of range are
/// invalid; others become `outside`, which whoever reads there must refuse.
[[nodiscard]] ValueId counted_from_start(const NodeContext& node, ValueId indices, std::int64_t extent,
                                         std::int64_t outside);
/// For every element of `indices`, which has the rank of `shape` and is no longer on other axes, the flat position in a
/// tensor of `shape` of the element that has `indices` on `axis` and its own place on the others. Shape of `indices`.
[[nodiscard]] ValueId element_positions(const NodeContext& node, ValueId indices, const Shape& shape, std::size_t axis);
/// For `indices` [batch..., more..., depth] and x [batch..., depth axes..., rest...]: which of x's slices [rest...]
/// each addresses, as positions in x seen as [slices, rest...]. A list.
[[nodiscard]] ValueId slice_positions(const NodeContext& node, ValueId indices, const Shape& x, std::size_t batch_dims);

/// x flattened, taken at i64 `positions` of any shape.
[[nodiscard]] ValueId take_flat(Builder& build, ValueId x, ValueId positions);

/// ScatterElements' and ScatterND's `reduction`: rows of x [rows, rest...] replaced by or combined with updates [n,
/// rest...] at the list `positions` of n rows. Of several for one row the last one wins, or all count.
[[nodiscard]] ValueId scatter_rows(const NodeContext& node, ValueId x, ValueId positions, ValueId updates,
                                   const std::string& reduction);

}  // namespace mho::onnx::ops
