// FlexAttention: groups of heads, with and without graphs that change scores and probabilities.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

/// A graph with the output "<name>_y" = type("<name>_x", second).
::onnx::GraphProto graph_of(const std::string& name, const Shape& shape, const std::string& type,
                            const std::string& second) {
  ModelBuilder graph(0);
  graph.input(name + "_x", extents_of(shape));
  graph.output(name + "_y");
  std::vector<std::string> inputs{name + "_x"};
  if (!second.empty()) inputs.push_back(second);
  graph.node(type, inputs, {name + "_y"});
  return graph.proto().graph();
}

}  // namespace

OperatorCases flex_attention_cases(Draw& draw) {
  OperatorCases cases;
  const std::int64_t batch = draw.integer(1, 2), kv_heads = draw.integer(1, 2), heads = kv_heads * draw.integer(1, 2);
  const std::int64_t rows = draw.integer(1, 3), keys = draw.integer(1, 4), size = draw.integer(1, 3);
  OperatorCase one{"FlexAttention", model_of_x({batch, heads, rows, size}, 26)};
  one.model.import("ai.onnx.preview", 1);
  one.model.input("k", {batch, kv_heads, keys, size}).input("v", {batch, kv_heads, keys, draw.integer(1, 3)});
  one.model.floats("bias", {rows, keys}, draw.floats({rows, keys}));
  NodeHandle node = one.model.node("FlexAttention", {"x", "k", "v"}, {"y"}).in_domain("ai.onnx.preview");
  const Shape shape{batch, heads, rows, keys};
  if (draw.coin()) node.with("score_mod", graph_of("score", shape, "Add", "bias"));
  if (draw.coin()) node.with("prob_mod", graph_of("probability", shape, "Tanh", ""));
  if (draw.coin()) node.with("scale", 0.7);
  cases.push_back(std::move(one));
  return cases;
}

}  // namespace mho::testing::ops
