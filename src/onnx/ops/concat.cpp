// Concat 4–13.
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_concat(const NodeContext& node) {
  const Shape first = node.shape_of(0);
  if (node.opset >= 4 && !node.attributes.has("axis")) node.invalid("attribute 'axis' is missing");
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", 1), first.size());
  std::vector<ValueId> parts;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Shape shape = node.shape_of(i);
    Shape fitting = first;
    if (shape.size() == first.size()) {
      fitting[static_cast<std::size_t>(axis)] = shape[static_cast<std::size_t>(axis)];
    }
    if (shape != fitting) {
      node.invalid(fmt::format("parts of shapes {} and {} do not fit together along axis {}", to_string(first),
                               to_string(shape), axis));
    }
    if (shape[static_cast<std::size_t>(axis)] != 0) {
      parts.push_back(cast(node.build, node.input(i), node.type_of(0).dtype));
    }
  }
  if (parts.empty()) return {node.input(0)};
  if (parts.size() == 1) return {parts.front()};
  return {node.build.apply1(primitives::make_concat(axis), std::move(parts))};
}

}  // namespace

std::vector<Operator> concat_operators() {
  return {
      {.type = "Concat", .since = 1, .lowering = lower_concat},
  };
}

}  // namespace mho::onnx::ops
