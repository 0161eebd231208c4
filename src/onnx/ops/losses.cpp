// NegativeLogLikelihoodLoss 12–22: -weight[t] x[t] of each target class t (axis 1), 0 where t is ignore_index;
// SoftmaxCrossEntropyLoss 12–13: the same of LogSoftmax.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

/// `x` are log-probabilities.
ValueId loss(const NodeContext& node, ValueId x) {
  Builder& build = node.build;
  const Shape shape = build.type(x).shape;
  const Shape targets = node.shape_of(1);
  Shape expected = shape;
  if (shape.size() < 2) node.invalid(fmt::format("its input has shape {}", to_string(shape)));
  expected.erase(expected.begin() + 1);
  if (targets != expected) {
    node.invalid(fmt::format("its targets have shape {} instead of {}", to_string(targets), to_string(expected)));
  }
  ValueId target = cast(build, node.input(1), DType::i64);
  ValueId counts = kNoValue;  // the weight of each target
  ValueId ignored = kNoValue;
  if (node.attributes.has("ignore_index")) {
    ignored = binary(build, Binary::equal, target, build.integers({}, {node.attributes.integer("ignore_index", 0)}));
    target = build.apply1(primitives::make_where(), {ignored, build.integers({}, {0}), target});
  }
  Shape column = shape;
  column[1] = 1;
  const ValueId positions = element_positions(node, reshape(build, target, column), shape, 1);
  ValueId losses = unary(build, Unary::neg, reshape(build, take_flat(build, x, positions), targets));
  if (node.has_input(2)) {
    if (node.shape_of(2) != Shape{shape[1]}) node.invalid("it has not one weight per class");
    const ValueId class_of = counted_from_start(node, target, shape[1], shape[1]);
    counts = build.apply1(primitives::make_gather(0), {node.input(2), class_of});
  } else {
    counts = broadcast(build, build.scalar(1), targets);
  }
  if (ignored != kNoValue) counts = build.apply1(primitives::make_where(), {ignored, build.scalar(0), counts});
  losses = mul(build, losses, counts);
  const std::string reduction = node.attributes.string("reduction", "mean");
  const auto total = [&](ValueId values) {
    return reduce(build, ReduceKind::sum, values, axis_range(0, targets.size()), false);
  };
  if (reduction == "none") return losses;
  if (reduction == "sum") return total(losses);
  if (reduction == "mean") return div(build, total(losses), total(counts));
  node.invalid(fmt::format("'{}' is no reduction", reduction));
}

std::vector<ValueId> lower_nll(const NodeContext& node) { return {loss(node, node.input(0))}; }

std::vector<ValueId> lower_cross_entropy(const NodeContext& node) {
  if (node.shape_of(0).size() < 2) node.invalid("its scores have no axis of classes");
  const ValueId log_probabilities = node.build.apply1(primitives::make_log_softmax(1), {node.input(0)});
  return {loss(node, log_probabilities), log_probabilities};
}

}  // namespace

std::vector<Operator> losses_operators() {
  return {
      {.type = "NegativeLogLikelihoodLoss", .since = 12, .lowering = lower_nll},
      {.type = "SoftmaxCrossEntropyLoss", .since = 12, .lowering = lower_cross_entropy},
  };
}

}  // namespace mho::onnx::ops
