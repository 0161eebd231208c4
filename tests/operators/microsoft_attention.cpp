// Attention and MultiHeadAttention of com.microsoft: masks of all shapes, causal, biases, different sizes of values.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases microsoft_attention_cases(Draw& draw) {
  OperatorCases cases;
  const std::int64_t heads = draw.integer(1, 2), size = draw.integer(1, 2), rows = draw.integer(1, 3);
  const std::int64_t hidden = heads * size;
  const auto add_mask = [&](ModelBuilder& model, std::int64_t keys) {
    const Shape shape = draw.one_of<Shape>({{2}, {2, keys}, {2, rows, keys}});
    auto mask = shape.size() == 1 ? draw.integers(shape, 1, keys) : draw.integers(shape, 0, 1);
    // Where all keys are masked, -10000 is added to all scores, which float32 then knows to 0.001 only.
    for (std::size_t i = 0; shape.size() > 1 && i < mask.size(); i += static_cast<std::size_t>(keys)) mask[i] = 1;
    model.integers("mask", shape, mask);
  };

  OperatorCase packed{"Attention", model_of_x({2, rows, 3}, 17)};
  packed.model.import("com.microsoft", 1);
  packed.model.floats("w", {3, 3 * hidden}, draw.floats({3, 3 * hidden})).input("b", {3 * hidden});
  add_mask(packed.model, rows);
  packed.model.node("Attention", {"x", "w", draw.coin() ? "b" : "", draw.coin() ? "mask" : ""}, {"y"})
      .in_domain("com.microsoft")
      .with("num_heads", heads)
      .with("unidirectional", draw.integer(0, 1));
  cases.push_back(std::move(packed));

  const std::int64_t keys = draw.integer(1, 3), values = heads * draw.integer(1, 2);
  OperatorCase apart{"MultiHeadAttention", model_of_x({2, rows, hidden}, 17)};
  apart.model.import("com.microsoft", 1);
  apart.model.input("k", {2, keys, hidden}).input("v", {2, keys, values}).input("bias", {1, heads, rows, keys});
  add_mask(apart.model, keys);
  apart.model
      .node("MultiHeadAttention", {"x", "k", "v", "", draw.coin() ? "mask" : "", draw.coin() ? "bias" : ""}, {"y"})
      .in_domain("com.microsoft")
      .with("num_heads", heads);
  cases.push_back(std::move(apart));
  return cases;
}

}  // namespace mho::testing::ops
