// Squeeze, Unsqueeze 1–11 (axes as an attribute) and 13–21 (as an input).
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_squeeze(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const auto given = axes_of(node, "axes", 1);
  Shape squeezed;
  const Shape axes = normalized_axes(node, given.value_or(std::vector<std::int64_t>{}), shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool named = std::ranges::binary_search(axes, static_cast<std::int64_t>(i));
    if (named && shape[i] != 1) node.invalid(fmt::format("axis {} of {} is not 1", i, to_string(shape)));
    if (given ? !named : shape[i] != 1) squeezed.push_back(shape[i]);
  }
  return {reshape(node.build, node.input(0), std::move(squeezed))};
}

std::vector<ValueId> lower_unsqueeze(const NodeContext& node) {
  Shape shape = node.shape_of(0);
  const auto given = axes_of(node, "axes", 1);
  if (!given) node.invalid("its axes are missing");
  for (const std::int64_t axis : normalized_axes(node, *given, shape.size() + given->size())) {
    shape.insert(shape.begin() + axis, 1);
  }
  return {reshape(node.build, node.input(0), std::move(shape))};
}

}  // namespace

std::vector<Operator> squeeze_operators() {
  return {
      {.type = "Squeeze", .since = 1, .lowering = lower_squeeze},
      {.type = "Unsqueeze", .since = 1, .lowering = lower_unsqueeze},
  };
}

}  // namespace mho::onnx::ops
