// Compress 9–11: the slices along an axis, or the elements of the flattened x, for which a constant condition holds.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_compress(const NodeContext& node) {
  Builder& build = node.build;
  ValueId x = node.input(0);
  std::int64_t axis = 0;
  if (node.attributes.has("axis")) {
    axis = node.normalized_axis(node.attributes.integer("axis", 0), node.shape_of(0).size());
  } else {
    x = reshape(build, x, {build.type(x).elements()});
  }
  const std::vector<std::int64_t> condition = node.constant_integers(1, "condition");
  const std::int64_t extent = build.type(x).shape[static_cast<std::size_t>(axis)];
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < condition.size(); ++i) {
    if (condition[i] == 0) continue;
    if (static_cast<std::int64_t>(i) >= extent) node.invalid("its condition is longer than the axis");
    kept.push_back(static_cast<std::int64_t>(i));
  }
  return {take(build, x, axis, std::move(kept))};
}

}  // namespace

std::vector<Operator> compress_operators() {
  return {
      {.type = "Compress", .since = 9, .lowering = lower_compress},
  };
}

}  // namespace mho::onnx::ops
