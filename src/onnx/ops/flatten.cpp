// Flatten 1–21: to a matrix, the axes before `axis` (default 1) being its rows.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_flatten(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::int64_t axis = node.attributes.integer("axis", 1);
  if (axis != rank) axis = node.normalized_axis(axis, shape.size());
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  for (std::int64_t i = 0; i < rank; ++i) (i < axis ? rows : columns) *= shape[static_cast<std::size_t>(i)];
  return {reshape(node.build, node.input(0), {rows, columns})};
}

}  // namespace

std::vector<Operator> flatten_operators() {
  return {
      {.type = "Flatten", .since = 1, .lowering = lower_flatten},
  };
}

}  // namespace mho::onnx::ops
