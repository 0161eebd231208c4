// Max, Min, Sum, Mean of any number of broadcast tensors.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

ValueId fold(const NodeContext& node, Binary f) {
  ValueId result = node.input(0);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) result = binary(node.build, f, result, node.input(i));
  return result;
}

std::vector<ValueId> lower_max(const NodeContext& node) { return {fold(node, Binary::max)}; }
std::vector<ValueId> lower_min(const NodeContext& node) { return {fold(node, Binary::min)}; }
std::vector<ValueId> lower_sum(const NodeContext& node) { return {fold(node, Binary::add)}; }
std::vector<ValueId> lower_mean(const NodeContext& node) {
  return {affine(node.build, fold(node, Binary::add), 1.0 / static_cast<double>(node.inputs.size()), 0)};
}

}  // namespace

std::vector<Operator> variadic_operators() {
  return {
      {.type = "Max", .since = 6, .lowering = lower_max},
      {.type = "Mean", .since = 6, .lowering = lower_mean},
      {.type = "Min", .since = 6, .lowering = lower_min},
      {.type = "Sum", .since = 6, .lowering = lower_sum},
  };
}

}  // namespace mho::onnx::ops
