// IsInf 10–20: detect_positive, detect_negative.
#include <limits>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_is_inf(const NodeContext& node) {
  Builder& build = node.build;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool positive = node.attributes.integer("detect_positive", 1) != 0;
  const bool negative = node.attributes.integer("detect_negative", 1) != 0;
  const ValueId x = as_real(build, node.input(0));
  if (!positive && !negative) return {broadcast(build, scalar_of(build, DType::b8, 0), node.shape_of(0))};
  const ValueId probed = positive && negative ? unary(build, Unary::abs, x) : x;
  return {binary(build, Binary::equal, probed, build.scalar(positive ? kInfinity : -kInfinity))};
}

}  // namespace

std::vector<Operator> is_inf_operators() {
  return {
      {.type = "IsInf", .since = 10, .lowering = lower_is_inf},
  };
}

}  // namespace mho::onnx::ops
