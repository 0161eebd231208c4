// Identity 1–21, and Dropout 7–22 at inference: the input itself.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_identity(const NodeContext& node) { return {node.input(0)}; }

std::vector<ValueId> lower_dropout(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  if (node.opset >= 12 && node.has_input(2)) {
    const std::vector<std::int64_t> training = node.constant_integers(2, "training_mode");
    const auto is_zero = [](const std::vector<double>& values) { return values.size() == 1 && values[0] == 0; };
    const bool drops = !node.has_input(1) || !is_zero(node.constant_reals(1, "ratio"));
    if (!training.empty() && training.front() != 0 && drops) {
      node.unsupported("it is in training mode; export the model for inference");
    }
  }
  if (node.opset < 7 && node.attributes.integer("is_test", 0) == 0) {
    node.unsupported("it is in training mode (is_test = 0); export the model for inference");
  }
  if (node.output_count < 2) return {x};
  // The mask of what is kept: everything. Its type was that of x before opset 10.
  const DType type = node.opset >= 10 ? DType::b8 : kReal;
  return {x, broadcast(build, scalar_of(build, type, 1), build.type(x).shape)};
}

}  // namespace

std::vector<Operator> identity_operators() {
  return {
      {.type = "Dropout", .since = 1, .lowering = lower_dropout},
      {.type = "Identity", .since = 1, .lowering = lower_identity},
  };
}

}  // namespace mho::onnx::ops
