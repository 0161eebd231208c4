// Attention: groups of heads, masks of both kinds, caches, windows, softcap, both ranks; RotaryEmbedding: halves and
// neighbours, with and without positions.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

OperatorCase attention_case(Draw& draw) {
  const std::int64_t batch = draw.integer(1, 2), kv_heads = draw.integer(1, 2), groups = draw.integer(1, 2);
  const std::int64_t rows = draw.integer(1, 3), keys = draw.integer(1, 4), size = draw.integer(1, 3);
  const std::int64_t heads = kv_heads * groups, past = draw.coin() ? draw.integer(1, 2) : 0;
  const bool flat = draw.coin();
  OperatorCase one{"Attention", model_of_x(flat ? Shape{batch, rows, heads * size} : Shape{batch, heads, rows, size},
                                           draw.one_of<std::int64_t>({23, 24, 25}))};
  ModelBuilder& model = one.model;
  const Shape kv = flat ? Shape{batch, keys, kv_heads * size} : Shape{batch, kv_heads, keys, size};
  model.input("k", extents_of(kv)).input("v", extents_of(kv)).output("present_k").output("present_v");
  std::vector<std::string> inputs{"x", "k", "v", ""};
  const std::int64_t kind = draw.integer(0, 2);
  const Shape mask = draw.coin() ? Shape{rows, keys + past} : Shape{batch, 1, rows, keys + past};
  if (kind == 1) {
    model.input("mask", extents_of(mask));
    inputs[3] = "mask";
  }
  if (kind == 2) {
    std::vector<char> allowed(static_cast<std::size_t>(element_count(mask)));
    for (char& a : allowed) a = draw.coin();
    model.initializer(raw_tensor("mask", ::onnx::TensorProto::BOOL, mask, allowed));
    inputs[3] = "mask";
  }
  if (past > 0) {
    const Shape cached{batch, kv_heads, past, size};
    model.input("past_k", extents_of(cached)).input("past_v", extents_of(cached));
    inputs.insert(inputs.end(), {"past_k", "past_v"});
  }
  NodeHandle node = model.node("Attention", inputs, {"y", "present_k", "present_v"});
  node.with("is_causal", draw.integer(0, 1)).with("softcap", draw.coin() ? 0.0 : 2.0);
  if (flat) node.with("q_num_heads", heads).with("kv_num_heads", kv_heads);
  if (draw.coin()) node.with("scale", 0.7);
  if (one.model.proto().opset_import(0).version() >= 25) {
    node.with("left_window_size", draw.integer(-1, 2)).with("right_window_size", draw.integer(-1, 2));
  }
  return one;
}

/// com.microsoft has the positions in front, and takes that of the first element alone.
OperatorCase microsoft_rotary_case(Draw& draw) {
  const std::int64_t batch = draw.integer(1, 2), length = draw.integer(1, 3), size = 4;
  OperatorCase one{"RotaryEmbedding, com.microsoft", model_of_x({batch, 2, length, size}, 17)};
  one.model.import("com.microsoft", 1);
  one.model.floats("cos", {6, 2}, draw.floats({6, 2})).floats("sin", {6, 2}, draw.floats({6, 2}));
  const Shape positions = draw.coin() ? Shape{1} : Shape{batch, length};
  one.model.integers("at", positions, draw.integers(positions, 0, 3));
  one.model.node("RotaryEmbedding", {"x", "at", "cos", "sin"}, {"y"}).in_domain("com.microsoft");
  return one;
}

OperatorCase rotary_case(Draw& draw) {
  const std::int64_t batch = draw.integer(1, 2), heads = draw.integer(1, 2), length = draw.integer(1, 3);
  const std::int64_t half = draw.integer(1, 2), size = 2 * half + 2 * draw.integer(0, 1);
  const bool flat = draw.coin(), table = draw.coin();
  OperatorCase one{"RotaryEmbedding",
                   model_of_x(flat ? Shape{batch, length, heads * size} : Shape{batch, heads, length, size}, 23)};
  const Shape cache = table ? Shape{5, half} : Shape{batch, length, half};
  one.model.floats("cos", cache, draw.floats(cache)).input("sin", extents_of(cache));
  std::vector<std::string> inputs{"x", "cos", "sin"};
  if (table) {
    one.model.integers("at", {batch, length}, draw.integers({batch, length}, 0, 4));
    inputs.emplace_back("at");
  }
  NodeHandle node = one.model.node("RotaryEmbedding", inputs, {"y"}).with("interleaved", draw.integer(0, 1));
  if (flat) node.with("num_heads", heads);
  if (size != 2 * half) node.with("rotary_embedding_dim", 2 * half);
  return one;
}

}  // namespace

OperatorCases attention_cases(Draw& draw) {
  OperatorCases cases;
  for (int k = 0; k < 4; ++k) cases.push_back(attention_case(draw));
  for (int k = 0; k < 2; ++k) cases.push_back(rotary_case(draw));
  cases.push_back(microsoft_rotary_case(draw));
  return cases;
}

}  // namespace mho::testing::ops
