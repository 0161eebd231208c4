// TopK 1–24: the k largest (or smallest) elements along an axis, best first, and where they are. Gradients go to the
// elements that were chosen.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_top_k(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", -1), shape.size());
  std::int64_t k = node.attributes.integer("k", -1);
  if (node.opset >= 10) {
    const std::vector<std::int64_t> given = node.constant_integers(1, "k");
    if (given.size() != 1) node.invalid("its k is not a single number");
    k = given.front();
  }
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  if (k < 0 || k > extent) node.invalid(fmt::format("it asks for {} of {} elements", k, extent));
  const bool largest = node.attributes.integer("largest", 1) != 0;
  const ValueId places = build.apply1(primitives::make_top_k(axis, k, largest), {node.input(0)});
  const ValueId positions = element_positions(node, places, shape, static_cast<std::size_t>(axis));
  return {take_flat(build, node.input(0), positions), places};
}

}  // namespace

std::vector<Operator> top_k_operators() {
  return {
      {.type = "TopK", .since = 1, .lowering = lower_top_k},
  };
}

}  // namespace mho::onnx::ops
