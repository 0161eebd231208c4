// MatMul (opset 1–13), numpy semantics: 1-D operands gain an axis that the result loses again.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_matmul(const NodeContext& node) {
  Builder& build = node.build;
  ValueId a = node.input(0);
  ValueId b = node.input(1);
  const bool a_vector = node.shape_of(0).size() == 1;
  const bool b_vector = node.shape_of(1).size() == 1;
  if (node.shape_of(0).empty() || node.shape_of(1).empty()) node.invalid("scalars have no matrix product");
  if (a_vector) a = reshape(build, a, {1, build.type(a).shape[0]});
  if (b_vector) b = reshape(build, b, {build.type(b).shape[0], 1});
  const ValueId y = build.apply1(primitives::make_matmul(), {a, b});
  Shape shape = build.type(y).shape;
  if (b_vector) shape.pop_back();
  if (a_vector) shape.erase(shape.end() - (b_vector ? 1 : 2));
  return {reshape(build, y, shape)};
}

}  // namespace

std::vector<Operator> matmul_operators() {
  return {
      {.type = "MatMul", .since = 1, .lowering = lower_matmul},
  };
}

}  // namespace mho::onnx::ops
