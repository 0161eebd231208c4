// Transpose 1–21: `perm`, by default the axes in reverse.
#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_transpose(const NodeContext& node) {
  const std::size_t rank = node.shape_of(0).size();
  Shape reversed = axis_range(0, rank);
  std::ranges::reverse(reversed);
  Shape permutation = node.attributes.integers("perm").value_or(reversed);
  if (permutation.size() != rank || normalized_axes(node, permutation, rank) != axis_range(0, rank)) {
    node.invalid("'perm' is not a permutation of the axes");
  }
  for (std::int64_t& axis : permutation) axis = node.normalized_axis(axis, rank);
  return {transpose(node.build, node.input(0), std::move(permutation))};
}

}  // namespace

std::vector<Operator> transpose_operators() {
  return {
      {.type = "Transpose", .since = 1, .lowering = lower_transpose},
  };
}

}  // namespace mho::onnx::ops
