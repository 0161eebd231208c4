// BatchNormalization (opset 1–15), inference: scale (x - mean) / sqrt(var + epsilon) + bias, per channel.
#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

// Written as x * factor + shift, so that with constant statistics two per-channel constants remain, which a graph
// pass can fold into a convolution before it.
std::vector<ValueId> lower_batch_normalization(const NodeContext& node) {
  Builder& build = node.build;
  if (node.attributes.integer("training_mode", 0) != 0) node.unsupported("training_mode is not supported");
  if (node.opset < 9 && node.attributes.integer("spatial", 1) == 0) {
    node.unsupported("spatial = 0 (statistics for every element) is not supported");
  }
  if (node.opset < 7 && node.attributes.integer("is_test", 0) == 0) {
    node.unsupported("it is in training mode (is_test = 0); export the model for inference");
  }
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 2) node.invalid("input needs at least the axes [N, C]");
  const double epsilon = node.attributes.real("epsilon", 1e-5);
  for (std::size_t i = 1; i < 5; ++i) {
    if (node.shape_of(i) != Shape{node.shape_of(0)[1]}) node.invalid("scale, bias, mean and variance must be [C]");
  }
  const ValueId deviation = unary(build, Unary::sqrt, affine(build, node.input(4), 1, epsilon));
  const ValueId factor = binary(build, Binary::div, node.input(1), deviation);
  const ValueId shift = binary(build, Binary::sub, node.input(2), binary(build, Binary::mul, node.input(3), factor));
  const ValueId scaled = binary(build, Binary::mul, node.input(0), per_channel(build, factor, rank));
  // The other outputs exist in training only.
  std::vector<ValueId> outputs(std::max<std::size_t>(node.output_count, 1), kNoValue);
  outputs[0] = binary(build, Binary::add, scaled, per_channel(build, shift, rank));
  return outputs;
}

}  // namespace

std::vector<Operator> batch_normalization_operators() {
  return {
      {.type = "BatchNormalization", .since = 1, .lowering = lower_batch_normalization},
  };
}

}  // namespace mho::onnx::ops
