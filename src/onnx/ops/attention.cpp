// Attention 23–25: softmax(scale Q K^T + bias) V, with heads shared by groups, caches, windows, causal and padding
// masks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "onnx/compose/compose.h"
#include "onnx/compose/heads.h"

namespace mho::onnx::ops {

namespace {

enum Input : std::size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kLengths };

/// Positions added to windows stay far from overflow.
constexpr std::int64_t kMostWindow = std::int64_t{1} << 40;

struct Operands {
  ValueId q, k, v;  ///< [batch, heads, length, size], k and v with what was cached in front
  bool flat;        ///< given as [batch, length, heads * size]
};

Operands operands_of(const NodeContext& node) {
  Builder& build = node.build;
  Operands o{node.input(kQ), node.input(kK), node.input(kV), node.shape_of(kQ).size() == 3};
  if (o.flat) {
    const std::int64_t q_heads = node.attributes.integer("q_num_heads", 0);
    const std::int64_t kv_heads = node.attributes.integer("kv_num_heads", 0);
    o.q = split_heads(node, o.q, q_heads);
    o.k = split_heads(node, o.k, kv_heads);
    o.v = split_heads(node, o.v, kv_heads);
  }
  if (node.has_input(kPastKey) != node.has_input(kPastValue)) node.invalid("it has only one of past_key, past_value");
  if (node.has_input(kPastKey)) {
    const auto concat = primitives::make_concat(2);
    o.k = build.apply1(concat, {node.input(kPastKey), o.k});
    o.v = build.apply1(concat, {node.input(kPastValue), o.v});
  }
  const Shape q = build.type(o.q).shape, k = build.type(o.k).shape, v = build.type(o.v).shape;
  const bool fit = q.size() == 4 && k.size() == 4 && v.size() == 4 && q[0] == k[0] && q[0] == v[0] && k[1] == v[1] &&
                   k[2] == v[2] && q[3] == k[3] && k[1] > 0 && q[1] % k[1] == 0 && q[3] > 0;
  if (!fit) {
    node.invalid(fmt::format("Q {}, K {} and V {} do not fit", to_string(q), to_string(k), to_string(v)));
  }
  return o;
}

/// attn_mask with as many columns as there are keys; missing ones are masked.
ValueId full_mask(const NodeContext& node, std::int64_t keys) {
  Builder& build = node.build;
  const ValueId mask = node.input(kMask);
  const Shape shape = build.type(mask).shape;
  if (shape.empty() || shape.size() > 4) node.invalid(fmt::format("attn_mask has shape {}", to_string(shape)));
  if (shape.back() >= keys || shape.back() == 1) return mask;
  Shape none(shape.size(), 0), behind = none;
  behind.back() = keys - shape.back();
  const bool boolean = build.type(mask).dtype == DType::b8;
  return build.apply1(primitives::make_pad(none, behind, boolean ? 0 : kMasked), {mask});
}

std::vector<ValueId> lower_attention(const NodeContext& node) {
  Builder& build = node.build;
  const Operands o = operands_of(node);
  const Shape q = build.type(o.q).shape;
  const std::int64_t keys = build.type(o.k).shape[2];
  const std::int64_t groups = q[1] / build.type(o.k).shape[1];
  const double scale = node.attributes.real("scale", 1 / std::sqrt(static_cast<double>(q[3])));
  const ValueId products = scores(build, o.q, repeat_heads(build, o.k, groups), scale);
  const double softcap = node.attributes.real("softcap", 0);
  ValueId capped = products;
  if (softcap > 0)
    capped = affine(build, unary(build, Unary::tanh, affine(build, products, 1 / softcap, 0)), softcap, 0);

  ValueId allowed = kNoValue;  // booleans
  const auto allow = [&](ValueId more) {
    allowed = allowed == kNoValue ? more : binary(build, Binary::logical_and, allowed, more);
  };
  ValueId biased = capped;
  if (node.has_input(kMask)) {
    const ValueId mask = full_mask(node, keys);
    build.type(mask).dtype == DType::b8 ? allow(mask) : void(biased = add(build, biased, mask));
  }
  ValueId offset = build.integers({}, {0});
  if (node.has_input(kLengths)) {
    const ValueId lengths = cast(build, node.input(kLengths), DType::i64);
    if (build.type(lengths).shape != Shape{q[0]}) node.invalid("nonpad_kv_seqlen has not one number per example");
    const ValueId j = build.integers({keys}, axis_range(0, static_cast<std::size_t>(keys)));
    allow(binary(build, Binary::less, j, reshape(build, lengths, {q[0], 1, 1, 1})));
    offset = sub(build, lengths, build.integers({}, {q[2]}));
  }
  if (node.has_input(kPastKey)) offset = build.integers({}, {node.shape_of(kPastKey)[2]});
  if (node.attributes.integer("is_causal", 0) != 0) allow(causal(build, q[2], keys, offset));
  // A query at position p may look at keys from p - left to p + right; -1: as far as there are any.
  const auto window = [&](const char* side) {
    const std::int64_t size = node.attributes.integer(side, -1);
    if (size < -1 || size > kMostWindow) node.invalid(fmt::format("its {} is {}", side, size));
    return size;
  };
  const std::int64_t left = window("left_window_size"), right = window("right_window_size");
  if (right >= 0) allow(causal(build, q[2], keys, add(build, offset, build.integers({}, {right}))));
  if (left >= 0) {
    const ValueId before = causal(build, q[2], keys, add(build, offset, build.integers({}, {-left - 1})));
    allow(unary(build, Unary::logical_not, before));
  }
  const ValueId unmasked = biased;
  if (allowed != kNoValue) biased = add(build, biased, mask_bias(build, allowed));

  ValueId weights = build.apply1(primitives::make_softmax(3), {biased});
  if (allowed != kNoValue) {
    // A row that may attend to nothing gives 0.
    const ValueId any = reduce(build, ReduceKind::max, cast(build, allowed, DType::i64),
                               {static_cast<std::int64_t>(build.type(allowed).shape.size()) - 1});
    const auto known = build.integers_of(any);
    if (!known || std::ranges::find(*known, 0) != known->end()) {
      weights = build.apply1(primitives::make_where(), {cast(build, any, DType::b8), weights, build.scalar(0)});
    }
  }
  const ValueId attended = build.apply1(primitives::make_matmul(), {weights, repeat_heads(build, o.v, groups)});
  std::vector<ValueId> outputs{o.flat ? merge_heads(build, attended) : attended, o.k, o.v};
  if (node.output_count > 3) {
    const auto masked = [&] {
      if (allowed == kNoValue) return biased;
      const ValueId minus_infinity = build.scalar(-std::numeric_limits<double>::infinity());
      return build.apply1(primitives::make_where(), {allowed, unmasked, minus_infinity});
    };
    switch (node.attributes.integer("qk_matmul_output_mode", 0)) {
      case 0:
        outputs.push_back(products);
        break;
      case 1:
        outputs.push_back(capped);
        break;
      case 2:
        outputs.push_back(masked());
        break;
      default:
        outputs.push_back(weights);
    }
  }
  return outputs;
}

/// cos_cache and sin_cache are rows for all positions, or, without position_ids, for each example.
std::vector<ValueId> lower_rotary_embedding(const NodeContext& node) {
  Builder& build = node.build;
  const bool microsoft = node.domain == "com.microsoft";
  const ValueId positions = microsoft ? node.input(1) : node.has_input(3) ? node.input(3) : kNoValue;
  ValueId cosines = node.input(microsoft ? 2 : 1), sines = node.input(microsoft ? 3 : 2);
  const bool flat = node.shape_of(0).size() == 3;
  std::int64_t rotated = node.attributes.integer("rotary_embedding_dim", 0);
  std::int64_t heads = node.attributes.integer("num_heads", 0);
  const Shape caches = build.type(cosines).shape;
  if (caches.empty() || build.type(sines).shape != caches) node.invalid("its caches differ in shape");
  if (flat && heads == 0 && microsoft && caches.back() > 0) heads = node.shape_of(0)[2] / (2 * caches.back());
  const ValueId x = flat ? split_heads(node, node.input(0), heads) : node.input(0);
  const Shape shape = build.type(x).shape;
  if (shape.size() != 4) node.invalid(fmt::format("X has shape {}", to_string(node.shape_of(0))));
  if (rotated == 0) rotated = shape[3];
  if (rotated < 2 || rotated % 2 != 0 || rotated > shape[3] || caches.back() != rotated / 2) {
    node.invalid(
        fmt::format("{} of {} elements cannot be rotated by a cache {}", rotated, shape[3], to_string(caches)));
  }
  const auto at = [&](ValueId cache) {
    if (positions != kNoValue) {
      if (caches.size() != 2) node.invalid("its caches are no tables");
      ValueId rows = cast(build, positions, DType::i64);
      if (build.type(rows).elements() == 1 && build.type(rows).shape.size() == 1) {
        // com.microsoft: the position of the first element.
        rows = add(build, rows, build.integers({shape[2]}, axis_range(0, static_cast<std::size_t>(shape[2]))));
        rows = broadcast(build, reshape(build, rows, {1, shape[2]}), {shape[0], shape[2]});
      }
      cache = build.apply1(primitives::make_gather(0), {cache, rows});
    }
    if (build.type(cache).shape != Shape{shape[0], shape[2], rotated / 2}) {
      node.invalid(fmt::format("its angles have shape {}", to_string(build.type(cache).shape)));
    }
    return reshape(build, cache, {shape[0], 1, shape[2], rotated / 2});
  };
  cosines = at(cosines);
  sines = at(sines);
  const ValueId y = rotate(build, x, cosines, sines, rotated, node.attributes.integer("interleaved", 0) != 0);
  return {flat ? merge_heads(build, y) : y};
}

}  // namespace

std::vector<Operator> attention_operators() {
  return {
      {.type = "Attention", .since = 23, .lowering = lower_attention},
      {.type = "RotaryEmbedding", .since = 23, .lowering = lower_rotary_embedding},
      {.type = "RotaryEmbedding", .since = 1, .lowering = lower_rotary_embedding, .domain = "com.microsoft"},
  };
}

}  // namespace mho::onnx::ops
