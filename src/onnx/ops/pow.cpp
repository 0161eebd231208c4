// Pow 1–15: the result has the type of the base.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_pow(const NodeContext& node) {
  const ValueId base = node.input(0);
  const ValueId exponent = aligned_second_operand(node);
  const DType type = node.build.type(base).dtype;
  const std::size_t rank = node.build.type(base).shape.size();
  const std::optional<std::vector<double>> constant = node.build.reals_of(exponent);
  ValueId result = graph::kNoValue;
  if (constant && constant->size() == 1 && node.build.type(exponent).shape.size() <= rank) {
    result = constant->front() == 1 ? base : unary(node.build, Unary::pow, base, constant->front());
  } else {
    result = binary(node.build, Binary::pow, as_real(node.build, base), as_real(node.build, exponent));
  }
  return {cast(node.build, result, type)};
}

}  // namespace

std::vector<Operator> pow_operators() {
  return {
      {.type = "Pow", .since = 1, .lowering = lower_pow},
  };
}

}  // namespace mho::onnx::ops
