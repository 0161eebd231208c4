// Shape 1–25 (start, end from 15 on) and Size 1–25: constants, since shapes are known.
#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_shape(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto bound = [&](std::string_view name, std::int64_t otherwise) {
    const std::int64_t position = node.attributes.integer(name, otherwise);
    return std::clamp<std::int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  const std::int64_t start = bound("start", 0);
  const std::int64_t end = std::max(start, bound("end", rank));
  std::vector<std::int64_t> extents(shape.begin() + start, shape.begin() + end);
  return {node.build.integers({end - start}, std::move(extents))};
}

std::vector<ValueId> lower_size(const NodeContext& node) {
  return {node.build.integers({}, {element_count(node.shape_of(0))})};
}

}  // namespace

std::vector<Operator> shape_operators() {
  return {
      {.type = "Shape", .since = 1, .lowering = lower_shape},
      {.type = "Size", .since = 1, .lowering = lower_size},
  };
}

}  // namespace mho::onnx::ops
