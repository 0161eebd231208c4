// Attention and MultiHeadAttention as ONNX Runtime's optimizer writes them (com.microsoft 1), without caches:
// projections, bias, key padding by integer masks, softmax(scale Q K^T + bias) V.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "onnx/compose/compose.h"
#include "onnx/compose/heads.h"

namespace mho::onnx::ops {

namespace {

struct Masks {
  ValueId keys = kNoValue;  ///< integers: [batch], lengths; [batch, keys] or [batch, rows, keys], 0 where masked
  ValueId bias = kNoValue;  ///< added to the scores
};

ValueId attend(const NodeContext& node, ValueId q, ValueId k, ValueId v, const Masks& masks) {
  Builder& build = node.build;
  const Shape qs = build.type(q).shape, ks = build.type(k).shape;
  if (qs[0] != ks[0] || qs[1] != ks[1] || qs[3] != ks[3] || build.type(v).shape[2] != ks[2]) {
    node.invalid(fmt::format("queries {} and keys {} do not fit", to_string(qs), to_string(ks)));
  }
  double scale = node.attributes.real("scale", 0);
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(qs[3]));
  ValueId weights = scores(build, q, k, scale);
  const double masked = node.attributes.real("mask_filter_value", -10000);
  if (masks.keys != kNoValue) {
    const ValueId mask = cast(build, masks.keys, DType::i64);
    const Shape shape = build.type(mask).shape;
    ValueId allowed = kNoValue;
    if (shape == Shape{qs[0]}) {
      const ValueId j = build.integers({ks[2]}, axis_range(0, static_cast<std::size_t>(ks[2])));
      allowed = binary(build, Binary::less, j, reshape(build, mask, {qs[0], 1, 1, 1}));
    } else if (shape == Shape{qs[0], ks[2]}) {
      allowed = cast(build, reshape(build, mask, {qs[0], 1, 1, ks[2]}), DType::b8);
    } else if (shape == Shape{qs[0], qs[2], ks[2]}) {
      allowed = cast(build, reshape(build, mask, {qs[0], 1, qs[2], ks[2]}), DType::b8);
    } else {
      node.unsupported(fmt::format("a mask of shape {}", to_string(shape)));
    }
    weights = add(build, weights, mask_bias(build, allowed, masked));
  }
  if (node.attributes.integer("unidirectional", 0) != 0) {
    const ValueId offset = build.integers({}, {ks[2] - qs[2]});
    weights = add(build, weights, mask_bias(build, causal(build, qs[2], ks[2], offset)));
  }
  if (masks.bias != kNoValue) weights = add(build, weights, masks.bias);
  weights = build.apply1(primitives::make_softmax(3), {weights});
  return merge_heads(build, build.apply1(primitives::make_matmul(), {weights, v}));
}

/// Inputs input, weights, bias, mask_index, past, attention_bias.
std::vector<ValueId> lower_attention(const NodeContext& node) {
  Builder& build = node.build;
  if (node.has_input(4)) node.unsupported("a past (input 4)");
  if (node.attributes.integer("do_rotary", 0) != 0) node.unsupported("do_rotary");
  const Shape x = node.shape_of(0), w = node.shape_of(1);
  if (x.size() != 3 || w.size() != 2 || w[0] != x[2]) node.invalid("input and weights do not fit");
  const std::int64_t heads = node.attributes.integer("num_heads", 0);
  auto sizes = node.attributes.integers("qkv_hidden_sizes").value_or(std::vector<std::int64_t>(3, w[1] / 3));
  if (sizes.size() != 3 || std::ranges::any_of(sizes, [&](std::int64_t s) { return s < 1 || s > w[1]; }) ||
      sizes[0] + sizes[1] + sizes[2] != w[1]) {
    node.invalid("its hidden sizes do not add up to the columns of its weights");
  }
  ValueId projected = build.apply1(primitives::make_matmul(), {node.input(0), node.input(1)});
  if (node.has_input(2)) projected = add(build, projected, node.input(2));
  const auto part = [&](std::int64_t first, std::int64_t size) {
    return split_heads(node, slice(build, projected, 2, first, size), heads);
  };
  const ValueId q = part(0, sizes[0]), k = part(sizes[0], sizes[1]), v = part(sizes[0] + sizes[1], sizes[2]);
  return {attend(node, q, k, v,
                 {node.has_input(3) ? node.input(3) : kNoValue, node.has_input(5) ? node.input(5) : kNoValue})};
}

/// Inputs query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value; [batch, length, hidden]
/// each.
std::vector<ValueId> lower_multi_head_attention(const NodeContext& node) {
  Builder& build = node.build;
  if (node.has_input(6) || node.has_input(7)) node.unsupported("a past (inputs 6 and 7)");
  if (!node.has_input(1) || !node.has_input(2)) node.unsupported("query, key and value packed into one input");
  const std::int64_t heads = node.attributes.integer("num_heads", 0);
  if (node.has_input(3) && node.shape_of(3).size() != 1) node.invalid("its bias is not a list");
  std::int64_t first = 0;
  const auto operand = [&](std::size_t i) {
    const Shape shape = node.shape_of(i);
    if (shape.size() == 4 && i > 0) return node.input(i);  // [batch, heads, length, size] already
    if (shape.size() != 3) node.unsupported(fmt::format("input {} of shape {}", i, to_string(shape)));
    ValueId x = node.input(i);
    if (node.has_input(3)) {
      if (first + shape[2] > element_count(node.shape_of(3))) node.invalid("its bias is too short");
      x = add(build, x, slice(build, node.input(3), 0, first, shape[2]));
      first += shape[2];
    }
    return split_heads(node, x, heads);
  };
  const ValueId q = operand(0), k = operand(1), v = operand(2);
  return {attend(node, q, k, v,
                 {node.has_input(4) ? node.input(4) : kNoValue, node.has_input(5) ? node.input(5) : kNoValue})};
}

}  // namespace

std::vector<Operator> microsoft_attention_operators() {
  return {
      {.type = "Attention", .since = 1, .lowering = lower_attention, .domain = "com.microsoft"},
      {.type = "MultiHeadAttention", .since = 1, .lowering = lower_multi_head_attention, .domain = "com.microsoft"},
  };
}

}  // namespace mho::onnx::ops
