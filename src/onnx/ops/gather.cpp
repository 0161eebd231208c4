// Gather 1–13: x at `indices` along `axis`; negative indices count from the end.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gather(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", 0), shape.size());
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  const ValueId indices = node.input(1);
  if (const std::optional<std::vector<std::int64_t>> constant = node.build.integers_of(indices)) {
    for (const std::int64_t index : *constant) {
      if (index < -extent || index >= extent) {
        node.invalid(fmt::format("index {} is out of range for axis {} of {}", index, axis, to_string(shape)));
      }
    }
  }
  return {node.build.apply1(primitives::make_gather(axis), {node.input(0), cast(node.build, indices, DType::i64)})};
}

}  // namespace

std::vector<Operator> gather_operators() {
  return {
      {.type = "Gather", .since = 1, .lowering = lower_gather},
  };
}

}  // namespace mho::onnx::ops
