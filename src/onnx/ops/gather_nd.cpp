// GatherND 11–13: the last axis of the indices addresses slices of x behind `batch_dims` shared leading axes. It is a
// Gather from x with the addressed axes flattened.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gather_nd(const NodeContext& node) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0);
  const Shape indices = node.shape_of(1);
  const std::int64_t batch_dims = node.attributes.integer("batch_dims", 0);
  if (batch_dims < 0) node.invalid(fmt::format("batch_dims is {}", batch_dims));
  const ValueId positions = slice_positions(node, node.input(1), x, static_cast<std::size_t>(batch_dims));
  const auto addressed = static_cast<std::ptrdiff_t>(batch_dims + indices.back());
  const Shape rest(x.begin() + addressed, x.end());
  Shape rows{element_count(Shape(x.begin(), x.begin() + addressed))};
  rows.insert(rows.end(), rest.begin(), rest.end());
  Shape result(indices.begin(), indices.end() - 1);
  result.insert(result.end(), rest.begin(), rest.end());
  const ValueId taken = build.apply1(primitives::make_gather(0), {reshape(build, node.input(0), rows), positions});
  return {reshape(build, taken, result)};
}

}  // namespace

std::vector<Operator> gather_nd_operators() {
  return {
      {.type = "GatherND", .since = 11, .lowering = lower_gather_nd},
  };
}

}  // namespace mho::onnx::ops
