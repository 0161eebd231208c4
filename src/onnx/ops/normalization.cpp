// LayerNormalization 17 (ONNX Runtime writes it into models of older opsets, too), RMSNormalization 23,
// InstanceNormalization 1–22, GroupNormalization 18–21, MeanVarianceNormalization 9–13, LpNormalization 1–22.
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// x * scale + bias with both given per channel (axis 1) of x.
ValueId scale_channels(const NodeContext& node, ValueId x, ValueId scale, ValueId bias) {
  Builder& build = node.build;
  const Shape shape = build.type(x).shape;
  for (const ValueId parameter : {scale, bias}) {
    if (build.type(parameter).elements() != shape[1]) {
      node.invalid(
          fmt::format("a parameter has shape {} for {} channels", to_string(build.type(parameter).shape), shape[1]));
    }
  }
  return add(build, mul(build, x, per_channel(build, scale, shape.size())), per_channel(build, bias, shape.size()));
}

struct Statistics {
  ValueId mean;
  ValueId inverse_deviation;
};

/// Over the axes from `axis` on, which keep extent 1.
Statistics statistics(Builder& build, ValueId x, std::int64_t axis, double epsilon) {
  const Shape axes = axis_range(static_cast<std::size_t>(axis), build.type(x).shape.size());
  const ValueId mean = reduce(build, ReduceKind::mean, x, axes);
  const ValueId variance = reduce(build, ReduceKind::mean, square(build, sub(build, x, mean)), axes);
  return {mean, unary(build, Unary::pow, affine(build, variance, 1, epsilon), -0.5)};
}

/// Over the axes from `axis` on; outputs Y, Mean, InvStdDev.
std::vector<ValueId> lower_layer_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", -1), node.shape_of(0).size());
  const double epsilon = node.attributes.real("epsilon", 1e-5);
  ValueId y = mul(build, normalize(build, x, axis, epsilon), node.input(1));
  if (node.has_input(2)) y = add(build, y, node.input(2));
  if (build.type(y).shape != node.shape_of(0)) node.invalid("its scale or bias does not fit the normalized axes");
  if (node.output_count < 2) return {y};
  const auto [mean, inverse_deviation] = statistics(build, x, axis, epsilon);
  return {y, mean, inverse_deviation};
}

/// x / sqrt(mean(x^2) + epsilon) * scale over the axes from `axis` on.
std::vector<ValueId> lower_rms_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", -1), node.shape_of(0).size());
  const ValueId y =
      mul(build, normalize(build, node.input(0), axis, node.attributes.real("epsilon", 1e-5), false), node.input(1));
  if (build.type(y).shape != node.shape_of(0)) node.invalid("its scale does not fit the normalized axes");
  return {y};
}

/// Over the spatial axes of each example and channel.
std::vector<ValueId> lower_instance_normalization(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  if (shape.size() < 3) node.invalid(fmt::format("its input of shape {} has no spatial axes", to_string(shape)));
  const ValueId normalized = normalize(node.build, node.input(0), 2, node.attributes.real("epsilon", 1e-5));
  return {scale_channels(node, normalized, node.input(1), node.input(2))};
}

/// Over the channels and positions of each group. Scale and bias are per group before opset 21, then per channel.
std::vector<ValueId> lower_group_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::int64_t groups = node.attributes.integer("num_groups", 0);
  if (shape.size() < 2 || groups < 1 || shape[1] % groups != 0 || element_count(shape) == 0) {
    node.invalid(fmt::format("{} groups of the channels of {} make no sense", groups, to_string(shape)));
  }
  const ValueId grouped = reshape(build, node.input(0), {shape[0], groups, element_count(shape) / shape[0] / groups});
  const ValueId normalized = normalize(build, grouped, 2, node.attributes.real("epsilon", 1e-5));
  if (node.opset >= 21) {
    return {scale_channels(node, reshape(build, normalized, shape), node.input(1), node.input(2))};
  }
  return {reshape(build, scale_channels(node, normalized, node.input(1), node.input(2)), shape)};
}

/// (x - mean) / (deviation + 1e-9)
std::vector<ValueId> lower_mean_variance_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const Shape axes = normalized_axes(
      node, node.attributes.integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3}), node.shape_of(0).size());
  const ValueId x = node.input(0);
  const ValueId centred = sub(build, x, reduce(build, ReduceKind::mean, x, axes, true));
  const ValueId variance = reduce(build, ReduceKind::mean, square(build, centred), axes, true);
  return {div(build, centred, affine(build, unary(build, Unary::sqrt, variance), 1, 1e-9))};
}

/// x / ||x||_p along one axis, p = 1 or 2; zero where the whole axis is zero.
std::vector<ValueId> lower_lp_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  const std::int64_t p = node.attributes.integer("p", 2);
  if (p != 1 && p != 2) node.invalid(fmt::format("p is {}, not 1 or 2", p));
  const Shape axes = {node.normalized_axis(node.attributes.integer("axis", -1), node.shape_of(0).size())};
  const ValueId powers = p == 1 ? unary(build, Unary::abs, x) : square(build, x);
  ValueId sum = reduce(build, ReduceKind::sum, powers, axes, true);
  // Guarded before the square root, so that gradients stay finite as well.
  const ValueId is_zero = binary(build, Binary::equal, sum, scalar_of(build, kReal, 0));
  const ValueId ones = broadcast(build, scalar_of(build, kReal, 1), build.type(sum).shape);
  sum = build.apply1(primitives::make_where(), {is_zero, ones, sum});
  return {div(build, x, p == 1 ? sum : unary(build, Unary::sqrt, sum))};
}

}  // namespace

std::vector<Operator> normalization_operators() {
  return {
      {.type = "GroupNormalization", .since = 18, .lowering = lower_group_normalization},
      {.type = "InstanceNormalization", .since = 6, .lowering = lower_instance_normalization},
      {.type = "LayerNormalization", .since = 1, .lowering = lower_layer_normalization},
      {.type = "LpNormalization", .since = 1, .lowering = lower_lp_normalization},
      {.type = "MeanVarianceNormalization", .since = 9, .lowering = lower_mean_variance_normalization},
      {.type = "RMSNormalization", .since = 23, .lowering = lower_rms_normalization},
  };
}

}  // namespace mho::onnx::ops
