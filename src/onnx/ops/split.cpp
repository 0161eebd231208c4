// Split 1–11 (sizes as an attribute), 13 (as an input), 18 (or num_outputs): slices of one axis.
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<std::int64_t> equal_sizes(const NodeContext& node, std::int64_t extent) {
  const auto count = static_cast<std::int64_t>(node.output_count);
  const std::int64_t declared = node.attributes.integer("num_outputs", count);
  if (declared != count || count < 1) node.invalid(fmt::format("{} outputs, but num_outputs is {}", count, declared));
  if (node.opset < 18 && extent % count != 0) {
    node.invalid(fmt::format("an extent of {} does not split into {} equal parts", extent, count));
  }
  const std::int64_t size = (extent + count - 1) / count;
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < count; ++i) {
    sizes.push_back(std::max<std::int64_t>(0, std::min(size, extent - i * size)));
  }
  return sizes;
}

std::vector<ValueId> lower_split(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", 0), shape.size());
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  const std::optional<std::vector<std::int64_t>> given = axes_of(node, "split", 1);
  const std::vector<std::int64_t> sizes = given ? *given : equal_sizes(node, extent);
  if (sizes.size() != node.output_count) {
    node.invalid(fmt::format("{} sizes for {} outputs", sizes.size(), node.output_count));
  }
  std::vector<ValueId> outputs;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > extent - start) node.invalid(fmt::format("sizes do not add up to {}", extent));
    outputs.push_back(slice(node.build, node.input(0), axis, start, size));
    start += size;
  }
  if (start != extent) node.invalid(fmt::format("sizes add up to {}, not to {}", start, extent));
  return outputs;
}

}  // namespace

std::vector<Operator> split_operators() {
  return {
      {.type = "Split", .since = 2, .lowering = lower_split},
  };
}

}  // namespace mho::onnx::ops
