// LinearAttention 27: a state S [keys, values] per head, S <- exp(g) S + beta k (v - exp(g) S^T k)^T in its fullest
// form (gated_delta), outputs scale q^T S, unrolled over time; CausalConvWithState 27: a depthwise convolution that
// looks back.
#include <fmt/format.h>

#include <cmath>

#include "onnx/compose/compose.h"
#include "onnx/compose/heads.h"
#include "onnx/compose/stack.h"

namespace mho::onnx::ops {

namespace {

constexpr std::int64_t kMostSteps = 20'000;

/// Step t of [batch, heads, time, size], without the time axis.
ValueId at_step(Builder& build, ValueId x, std::int64_t t) { return drop_axes(build, slice(build, x, 2, t, 1), {2}); }

ValueId shaped(Builder& build, ValueId x, std::int64_t rows, std::int64_t columns) {
  const Shape& shape = build.type(x).shape;
  return reshape(build, x, {shape[0], shape[1], rows, columns});
}

std::vector<ValueId> lower_linear_attention(const NodeContext& node) {
  Builder& build = node.build;
  const std::int64_t q_heads = node.attributes.integer("q_num_heads", 0);
  const std::int64_t kv_heads = node.attributes.integer("kv_num_heads", 0);
  const std::string rule = node.attributes.string("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta", delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") node.invalid(fmt::format("'{}' is no update rule", rule));
  if (kv_heads < 1 || q_heads % kv_heads != 0) node.invalid("its numbers of heads do not fit");
  const ValueId q = split_heads(node, node.input(0), q_heads);
  const ValueId k = split_heads(node, node.input(1), kv_heads), v = split_heads(node, node.input(2), kv_heads);
  const Shape ks = build.type(k).shape, vs = build.type(v).shape, qs = build.type(q).shape;
  const std::int64_t batch = ks[0], steps = ks[2], keys = ks[3], values = vs[3];
  if (qs[0] != batch || vs[0] != batch || qs[2] != steps || vs[2] != steps || qs[3] != keys) {
    node.invalid(fmt::format("query {}, key {} and value {} do not fit", to_string(node.shape_of(0)),
                             to_string(node.shape_of(1)), to_string(node.shape_of(2))));
  }
  if (steps < 1 || steps > kMostSteps)
    node.unsupported(fmt::format("{} time steps: 1 to {} are unrolled", steps, kMostSteps));
  ValueId decay = kNoValue, beta = kNoValue;
  if (gated) {
    decay = unary(build, Unary::exp, split_heads(node, node.input(4), kv_heads));
    const Shape shape = build.type(decay).shape;
    if (shape[0] != batch || shape[2] != steps || (shape[3] != 1 && shape[3] != keys))
      node.invalid("its decay does not fit");
  }
  if (delta) {
    if (node.shape_of(5).size() != 3) node.invalid("its beta does not fit");
    beta = split_heads(node, node.input(5), node.shape_of(5)[2]);
    const Shape shape = build.type(beta).shape;
    if (shape[0] != batch || shape[2] != steps || (shape[1] != 1 && shape[1] != kv_heads))
      node.invalid("its beta does not fit");
  }
  double scale = node.attributes.real("scale", 0);
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(keys));
  const Shape state_shape{batch, kv_heads, keys, values};
  ValueId state = node.has_input(3) ? node.input(3) : broadcast(build, build.scalar(0), state_shape);
  if (build.type(state).shape != state_shape) node.invalid("its past state does not fit");

  const auto matmul = primitives::make_matmul();
  std::vector<ValueId> outputs;
  for (std::int64_t t = 0; t < steps; ++t) {
    const ValueId key = shaped(build, at_step(build, k, t), keys, 1);
    ValueId update = shaped(build, at_step(build, v, t), 1, values);
    if (gated) {
      const ValueId kept = at_step(build, decay, t);
      state = mul(build, state, shaped(build, kept, build.type(kept).shape[2], 1));
    }
    if (delta) {
      const ValueId predicted = build.apply1(primitives::make_matmul({true, false}), {key, state});
      update = mul(build, sub(build, update, predicted), shaped(build, at_step(build, beta, t), 1, 1));
    }
    state = add(build, state, build.apply1(matmul, {key, update}));
    const ValueId query = shaped(build, at_step(build, q, t), 1, keys);
    const ValueId read = build.apply1(matmul, {query, repeat_heads(build, state, q_heads / kv_heads)});
    outputs.push_back(reshape(build, affine(build, read, scale, 0), {batch, q_heads * values}));
  }
  return {stack(node, outputs, 1), state};
}

std::vector<ValueId> lower_causal_conv(const NodeContext& node) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0), w = node.shape_of(1);
  if (x.size() != 3 || w.size() != 3 || w[0] != x[1] || w[1] != 1 || w[2] < 1) {
    node.invalid(fmt::format("input {} and weights {} do not fit", to_string(x), to_string(w)));
  }
  const std::int64_t back = w[2] - 1;
  const Shape past{x[0], x[1], back};
  if (node.has_input(3) && node.shape_of(3) != past) node.invalid("its past state does not fit");
  const ValueId before = node.has_input(3) ? node.input(3) : broadcast(build, build.scalar(0), past);
  const ValueId all = build.apply1(primitives::make_concat(2), {before, node.input(0)});
  std::vector<ValueId> operands{all, node.input(1)};
  const bool bias = node.has_input(2);
  if (bias) operands.push_back(node.input(2));
  const kernels::ConvolutionAttributes attributes{{{w[2]}, {1}, {1}, {0}, {0}, {}}, x[1]};
  ValueId y = build.apply1(primitives::make_convolution(attributes, {bias, false, false}), operands);
  const std::string activation = node.attributes.string("activation", "none");
  if (activation == "silu" || activation == "swish") {
    y = mul(build, y, unary(build, Unary::sigmoid, y));
  } else if (activation != "none") {
    node.invalid(fmt::format("'{}' is no activation", activation));
  }
  return {y, slice(build, all, 2, x[2], back)};
}

}  // namespace

std::vector<Operator> linear_attention_operators() {
  return {
      {.type = "CausalConvWithState", .since = 27, .lowering = lower_causal_conv},
      {.type = "LinearAttention", .since = 27, .lowering = lower_linear_attention},
  };
}

}  // namespace mho::onnx::ops
