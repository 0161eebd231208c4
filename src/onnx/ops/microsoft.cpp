// Fused operators that ONNX Runtime's optimizer writes (com.microsoft 1): activations with bias, normalizations of
// sums, products; SimplifiedLayerNormalization, which it writes into ai.onnx.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/window.h"

namespace mho::onnx::ops {

namespace {

constexpr std::string_view kMicrosoft = "com.microsoft";

ValueId with_bias(const NodeContext& node) {
  return node.has_input(1) ? add(node.build, node.input(0), node.input(1)) : node.input(0);
}

std::vector<ValueId> lower_bias_gelu(const NodeContext& node) {
  return {unary(node.build, kernels::kGelu, with_bias(node))};
}
std::vector<ValueId> lower_fast_gelu(const NodeContext& node) {
  return {unary(node.build, kernels::kGeluTanh, with_bias(node))};
}
/// x * sigmoid(alpha x)
std::vector<ValueId> lower_quick_gelu(const NodeContext& node) {
  const ValueId x = node.input(0);
  return {mul(node.build, x,
              unary(node.build, Unary::sigmoid, affine(node.build, x, node.attributes.real("alpha", 1.702), 0)))};
}

/// Over the last axis, times scale, plus bias where there is one.
ValueId normalized(const NodeContext& node, ValueId x, ValueId scale, ValueId bias, bool simplified, double epsilon) {
  Builder& build = node.build;
  const Shape shape = build.type(x).shape;
  if (shape.empty()) node.invalid("its input has no axis");
  ValueId y = normalize(build, x, static_cast<std::int64_t>(shape.size()) - 1, epsilon, !simplified);
  y = mul(build, y, scale);
  if (bias != kNoValue) y = add(build, y, bias);
  if (build.type(y).shape != shape) node.invalid("its parameters do not fit its input");
  return y;
}

/// Inputs input, skip, gamma[, beta][, bias]; outputs the normalized sum, mean, deviation, the sum.
std::vector<ValueId> skip_normalization(const NodeContext& node, bool simplified) {
  Builder& build = node.build;
  ValueId sum = add(build, node.input(0), node.input(1));
  const std::size_t bias = simplified ? 3 : 4;
  if (node.has_input(bias)) sum = add(build, sum, node.input(bias));
  const ValueId beta = !simplified && node.has_input(3) ? node.input(3) : kNoValue;
  const double epsilon = node.attributes.real("epsilon", 1e-12);
  return {normalized(node, sum, node.input(2), beta, simplified, epsilon), kNoValue, kNoValue, sum};
}
std::vector<ValueId> lower_skip_layer_normalization(const NodeContext& node) { return skip_normalization(node, false); }
std::vector<ValueId> lower_skip_simplified(const NodeContext& node) { return skip_normalization(node, true); }

std::vector<ValueId> lower_simplified(const NodeContext& node) {
  const std::int64_t rank = static_cast<std::int64_t>(node.shape_of(0).size());
  if (node.normalized_axis(node.attributes.integer("axis", -1), node.shape_of(0).size()) != rank - 1) {
    node.unsupported("an axis other than the last");
  }
  return {normalized(node, node.input(0), node.input(1), kNoValue, true, node.attributes.real("epsilon", 1e-5))};
}

/// Word, position and segment embeddings, summed and normalized; the mask's row sums come second, the sum third.
std::vector<ValueId> lower_embed_layer_normalization(const NodeContext& node) {
  Builder& build = node.build;
  const Shape ids = node.shape_of(0);
  if (ids.size() != 2) node.invalid("its ids are no [batch, length]");
  const auto look_up = [&](std::size_t table, ValueId rows) {
    return build.apply1(primitives::make_gather(0), {node.input(table), cast(build, rows, DType::i64)});
  };
  const ValueId places =
      node.has_input(8) ? node.input(8) : build.integers({1, ids[1]}, axis_range(0, static_cast<std::size_t>(ids[1])));
  ValueId sum = add(build, look_up(2, node.input(0)), look_up(3, places));
  if (node.has_input(1) && node.has_input(4)) sum = add(build, sum, look_up(4, node.input(1)));
  const ValueId y = normalized(node, sum, node.input(5), node.input(6), false, node.attributes.real("epsilon", 1e-12));
  ValueId counts = broadcast(build, build.integers({}, {0}), {ids[0]});
  if (node.has_input(7)) counts = reduce(build, ReduceKind::sum, cast(build, node.input(7), DType::i64), {1}, false);
  return {y, counts, sum};
}

/// alpha op(a) op(b) over the last two axes; transBatch moves the first axis of an operand behind its batch.
std::vector<ValueId> lower_fused_matmul(const NodeContext& node) {
  Builder& build = node.build;
  const auto operand = [&](std::size_t i, const char* name) {
    const Shape shape = node.shape_of(i);
    if (shape.size() < 2) node.unsupported("operands without rows and columns");
    if (node.attributes.integer(name, 0) == 0) return node.input(i);
    // [rows, batch..., columns] -> [batch..., rows, columns]
    Shape permutation = axis_range(1, shape.size() - 1);
    permutation.insert(permutation.end(), {0, static_cast<std::int64_t>(shape.size()) - 1});
    return transpose(build, node.input(i), permutation);
  };
  const kernels::MatmulAttributes attributes{node.attributes.integer("transA", 0) != 0,
                                             node.attributes.integer("transB", 0) != 0};
  const ValueId product =
      build.apply1(primitives::make_matmul(attributes), {operand(0, "transBatchA"), operand(1, "transBatchB")});
  return {affine(build, product, node.attributes.real("alpha", 1), 0)};
}

/// The activation of FusedConv and FusedGemm.
ValueId activated(const NodeContext& node, ValueId x, double alpha, double beta) {
  const std::string name = node.attributes.string("activation", "");
  if (name.empty()) return x;
  if (name == "Relu") return unary(node.build, Unary::relu, x);
  if (name == "Tanh") return unary(node.build, Unary::tanh, x);
  if (name == "Sigmoid") return unary(node.build, Unary::sigmoid, x);
  if (name == "LeakyRelu") return unary(node.build, Unary::leaky_relu, x, alpha);
  if (name == "Clip") return unary(node.build, Unary::clip, x, alpha, beta);
  if (name == "HardSigmoid") return unary(node.build, Unary::hard_sigmoid, x, alpha, beta);
  node.unsupported(fmt::format("the activation '{}'", name));
}

std::vector<ValueId> lower_fused_gemm(const NodeContext& node) {
  Builder& build = node.build;
  const kernels::MatmulAttributes attributes{node.attributes.integer("transA", 0) != 0,
                                             node.attributes.integer("transB", 0) != 0};
  if (node.shape_of(0).size() != 2 || node.shape_of(1).size() != 2) node.invalid("A and B must be matrices");
  ValueId y = affine(build, build.apply1(primitives::make_matmul(attributes), {node.input(0), node.input(1)}),
                     node.attributes.real("alpha", 1), 0);
  if (node.has_input(2)) y = add(build, y, affine(build, node.input(2), node.attributes.real("beta", 1), 0));
  return {
      activated(node, y, node.attributes.real("activation_alpha", 0.01), node.attributes.real("activation_beta", 0))};
}

/// Conv, plus Z (input 3), through the activation.
std::vector<ValueId> lower_fused_conv(const NodeContext& node) {
  Builder& build = node.build;
  const std::size_t axes = spatial_axes_of(node);
  const Shape& w = node.shape_of(1);
  if (w.size() != axes + 2) node.invalid("weights and input have different ranks");
  kernels::ConvolutionAttributes attributes{read_window(node, Shape(w.begin() + 2, w.end()), axes),
                                            node.attributes.integer("group", 1)};
  apply_auto_pad(node, attributes.window, node.shape_of(0));
  std::vector<ValueId> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.push_back(node.input(2));
  ValueId y = build.apply1(primitives::make_convolution(attributes, {node.has_input(2), false, false}), inputs);
  if (node.has_input(3)) y = add(build, y, node.input(3));
  const auto parameters = node.attributes.reals("activation_params").value_or(std::vector<double>{});
  return {activated(node, y, parameters.empty() ? 0.01 : parameters[0], parameters.size() < 2 ? 0.5 : parameters[1])};
}

}  // namespace

std::vector<Operator> microsoft_operators() {
  return {
      {.type = "BiasGelu", .since = 1, .lowering = lower_bias_gelu, .domain = kMicrosoft},
      {.type = "EmbedLayerNormalization",
       .since = 1,
       .lowering = lower_embed_layer_normalization,
       .domain = kMicrosoft},
      {.type = "FastGelu", .since = 1, .lowering = lower_fast_gelu, .domain = kMicrosoft},
      {.type = "FusedConv", .since = 1, .lowering = lower_fused_conv, .domain = kMicrosoft},
      {.type = "FusedGemm", .since = 1, .lowering = lower_fused_gemm, .domain = kMicrosoft},
      {.type = "FusedMatMul", .since = 1, .lowering = lower_fused_matmul, .domain = kMicrosoft},
      {.type = "QuickGelu", .since = 1, .lowering = lower_quick_gelu, .domain = kMicrosoft},
      {.type = "SimplifiedLayerNormalization", .since = 1, .lowering = lower_simplified},
      {.type = "SkipLayerNormalization", .since = 1, .lowering = lower_skip_layer_normalization, .domain = kMicrosoft},
      {.type = "SkipSimplifiedLayerNormalization", .since = 1, .lowering = lower_skip_simplified, .domain = kMicrosoft},
  };
}

}  // namespace mho::onnx::ops
