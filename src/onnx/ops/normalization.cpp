// LayerNormalization (17), InstanceNormalization (6), GroupNormalization (21), RMSNormalization (23),
// MeanVarianceNormalization (9): composed from means, squares and a square root.
#include <numeric>

#include "onnx/ops/compose.h"
#include "onnx/ops/ops.h"

namespace mho::onnx::ops {

namespace {

Shape axes_from(const NodeContext& node, std::int64_t first) {
  const std::size_t rank = node.shape_of(0).size();
  Shape axes(rank - static_cast<std::size_t>(node.normalized_axis(first, rank)));
  std::iota(axes.begin(), axes.end(), node.normalized_axis(first, rank));
  return axes;
}

ValueId scale_and_shift(const NodeContext& node, ValueId y, ValueId scale, ValueId bias) {
  y = binary(node.build, Binary::mul, y, scale);
  return bias == kNoValue ? y : binary(node.build, Binary::add, y, bias);
}

}  // namespace

std::vector<ValueId> lower_layer_normalization(const NodeContext& node) {
  if (node.output_count > 1) node.unsupported("the outputs Mean and InvStdDev are not supported");
  const Shape axes = axes_from(node, node.attributes.integer("axis", -1));
  const ValueId y = normalize(node.build, node.input(0), axes, node.attributes.real("epsilon", 1e-5));
  return {scale_and_shift(node, y, node.input(1), node.has_input(2) ? node.input(2) : kNoValue)};
}

std::vector<ValueId> lower_rms_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const Shape axes = axes_from(node, node.attributes.integer("axis", -1));
  const ValueId mean = reduce(build, ReduceKind::mean, square(build, node.input(0)), axes);
  const ValueId rms = unary(build, {Unary::sqrt}, affine(build, mean, 1, node.attributes.real("epsilon", 1e-5)));
  return {binary(build, Binary::mul, binary(build, Binary::div, node.input(0), rms), node.input(1))};
}

std::vector<ValueId> lower_instance_normalization(const NodeContext& node) {
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 3) node.invalid("input needs the axes [N, C, spatial...]");
  const ValueId y = normalize(node.build, node.input(0), axes_from(node, 2), node.attributes.real("epsilon", 1e-5));
  return {scale_and_shift(node, y, per_channel(node.build, node.input(1), rank),
                          per_channel(node.build, node.input(2), rank))};
}

std::vector<ValueId> lower_group_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0);
  const std::int64_t groups = node.attributes.integer("num_groups", 0);
  if (x.size() < 3 || groups < 1 || x[1] % groups != 0) node.invalid("num_groups does not divide the channels");
  const std::int64_t rest = element_count(x) / std::max<std::int64_t>(1, x[0] * groups);
  const ValueId grouped = reshape(build, node.input(0), {x[0], groups, rest});
  const ValueId y = reshape(build, normalize(build, grouped, {2}, node.attributes.real("epsilon", 1e-5)), x);
  return {scale_and_shift(node, y, per_channel(build, node.input(1), x.size()),
                          per_channel(build, node.input(2), x.size()))};
}

std::vector<ValueId> lower_mean_variance_normalization(const NodeContext& node) {
  Shape axes = node.attributes.integers("axes").value_or(Shape{0, 2, 3});
  for (std::int64_t& axis : axes) axis = node.normalized_axis(axis, node.shape_of(0).size());
  return {normalize(node.build, node.input(0), axes, 1e-9)};
}

}  // namespace mho::onnx::ops
