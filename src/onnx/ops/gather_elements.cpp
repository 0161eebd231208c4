// GatherElements 11–13: y[i][j] = x[index[i][j]][j] along axis 0, likewise along others. A Gather from the flattened x.
#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gather_elements(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const auto axis = static_cast<std::size_t>(node.normalized_axis(node.attributes.integer("axis", 0), shape.size()));
  return {take_flat(node.build, node.input(0), element_positions(node, node.input(1), shape, axis))};
}

}  // namespace

std::vector<Operator> gather_elements_operators() {
  return {
      {.type = "GatherElements", .since = 11, .lowering = lower_gather_elements},
  };
}

}  // namespace mho::onnx::ops
