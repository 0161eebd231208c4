// Activations that are composed: PRelu 1–16, HardSwish 14–22, Mish 18–22, Swish 24, SwiGLU 28, Gelu 20 (and
// com.microsoft 1), Shrink 9.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// relu(x) - slope * relu(-x). Before opset 7 a slope of shape [C] belongs to axis 1; from then on it broadcasts.
std::vector<ValueId> lower_prelu(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  ValueId slope = node.input(1);
  const Shape shape = build.type(x).shape;
  if (node.opset < 7 && build.type(slope).shape.size() == 1 && shape.size() > 2) {
    Shape channels(shape.size() - 1, 1);
    channels[0] = build.type(slope).shape[0];
    slope = reshape(build, slope, std::move(channels));
  }
  if (broadcast_shape(node, shape, build.type(slope).shape) != shape) {
    node.invalid("its slope does not broadcast to the shape of x");
  }
  const std::optional<std::vector<double>> constant = build.reals_of(slope);
  if (constant && constant->size() == 1) return {unary(build, Unary::leaky_relu, x, constant->front())};
  const ValueId negative = unary(build, Unary::relu, unary(build, Unary::neg, x));
  return {sub(build, unary(build, Unary::relu, x), mul(build, slope, negative))};
}

/// x * max(0, min(1, x/6 + 1/2))
std::vector<ValueId> lower_hard_swish(const NodeContext& node) {
  const ValueId x = node.input(0);
  return {mul(node.build, x, unary(node.build, Unary::hard_sigmoid, x, 1.0 / 6.0, 0.5))};
}

/// x * tanh(softplus(x))
std::vector<ValueId> lower_mish(const NodeContext& node) {
  const ValueId x = node.input(0);
  return {mul(node.build, x, unary(node.build, Unary::tanh, unary(node.build, Unary::softplus, x)))};
}

/// x * sigmoid(alpha * x)
std::vector<ValueId> lower_swish(const NodeContext& node) {
  const ValueId x = node.input(0);
  const ValueId scaled = affine(node.build, x, node.attributes.real("alpha", 1.0), 0);
  return {mul(node.build, x, unary(node.build, Unary::sigmoid, scaled))};
}

/// a * sigmoid(alpha * a) * b
std::vector<ValueId> lower_swiglu(const NodeContext& node) {
  if (node.shape_of(0) != node.shape_of(1)) node.invalid("its inputs differ in shape");
  return {mul(node.build, lower_swish(node)[0], node.input(1))};
}

std::vector<ValueId> lower_gelu(const NodeContext& node) {
  const std::string approximate = node.attributes.string("approximate", "none");
  if (approximate != "none" && approximate != "tanh") node.invalid("unknown approximation '" + approximate + "'");
  return {unary(node.build, approximate == "tanh" ? kernels::kGeluTanh : kernels::kGelu, node.input(0))};
}

/// x < -lambd: x + bias; x > lambd: x - bias; else 0.
std::vector<ValueId> lower_shrink(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = as_real(build, node.input(0));
  const double lambd = node.attributes.real("lambd", 0.5);
  const double bias = node.attributes.real("bias", 0.0);
  const ValueId below = binary(build, Binary::less, x, build.scalar(-lambd));
  const ValueId above = binary(build, Binary::greater, x, build.scalar(lambd));
  const ValueId upper = build.apply1(primitives::make_where(), {above, affine(build, x, 1, -bias), build.scalar(0)});
  return {build.apply1(primitives::make_where(), {below, affine(build, x, 1, bias), upper})};
}

}  // namespace

std::vector<Operator> activations_operators() {
  return {
      {.type = "Gelu", .since = 20, .lowering = lower_gelu},
      {.type = "HardSwish", .since = 14, .lowering = lower_hard_swish},
      {.type = "Mish", .since = 18, .lowering = lower_mish},
      {.type = "PRelu", .since = 1, .lowering = lower_prelu},
      {.type = "Shrink", .since = 9, .lowering = lower_shrink},
      {.type = "SwiGLU", .since = 28, .lowering = lower_swiglu},
      {.type = "Swish", .since = 24, .lowering = lower_swish},
      {.type = "Gelu", .since = 1, .lowering = lower_gelu, .domain = "com.microsoft"},
  };
}

}  // namespace mho::onnx::ops
