// Softmax and LogSoftmax: along one axis from opset 13 on, before over all axes from `axis` on.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

using Maker = primitives::PrimitivePtr (*)(std::int64_t);

std::vector<ValueId> along_axis(const NodeContext& node, Maker make) {
  const std::size_t rank = node.shape_of(0).size();
  return {node.build.apply1(make(node.normalized_axis(node.attributes.integer("axis", -1), rank)), {node.input(0)})};
}

std::vector<ValueId> flattened(const NodeContext& node, Maker make) {
  const Shape x = node.shape_of(0);
  const std::int64_t wanted = node.attributes.integer("axis", 1);
  // An axis equal to the rank is allowed here: rows of one element.
  const std::int64_t axis =
      wanted == static_cast<std::int64_t>(x.size()) ? wanted : node.normalized_axis(wanted, x.size());
  const Shape matrix{element_count(Shape(x.begin(), x.begin() + axis)),
                     element_count(Shape(x.begin() + axis, x.end()))};
  // Where the trailing axes are 1, no reshape is needed: a layer keeps its layout.
  if (axis < static_cast<std::int64_t>(x.size()) && matrix[1] == x[static_cast<std::size_t>(axis)]) {
    return {node.build.apply1(make(axis), {node.input(0)})};
  }
  const ValueId y = node.build.apply1(make(1), {reshape(node.build, node.input(0), matrix)});
  return {reshape(node.build, y, x)};
}

std::vector<ValueId> lower_softmax(const NodeContext& node) { return along_axis(node, primitives::make_softmax); }
std::vector<ValueId> lower_log_softmax(const NodeContext& node) {
  return along_axis(node, primitives::make_log_softmax);
}
std::vector<ValueId> lower_softmax_flattened(const NodeContext& node) {
  return flattened(node, primitives::make_softmax);
}
std::vector<ValueId> lower_log_softmax_flattened(const NodeContext& node) {
  return flattened(node, primitives::make_log_softmax);
}

}  // namespace

std::vector<Operator> softmax_operators() {
  return {
      {.type = "LogSoftmax", .since = 1, .lowering = lower_log_softmax_flattened},
      {.type = "LogSoftmax", .since = 13, .lowering = lower_log_softmax},
      {.type = "Softmax", .since = 1, .lowering = lower_softmax_flattened},
      {.type = "Softmax", .since = 13, .lowering = lower_softmax},
  };
}

}  // namespace mho::onnx::ops
