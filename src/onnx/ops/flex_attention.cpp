// FlexAttention 1 of ai.onnx.preview: attention whose scores and probabilities pass through graphs of the model's own.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "onnx/compose/compose.h"
#include "onnx/compose/heads.h"

namespace mho::onnx::ops {

namespace {

ValueId modified(const NodeContext& node, const char* graph, ValueId x) {
  if (!node.attributes.has(graph)) return x;
  const std::vector<ValueId> results = node.subgraphs.lower(graph, std::array{x}, graph);
  if (results.size() != 1 || node.build.type(results[0]).shape != node.build.type(x).shape) {
    node.invalid(fmt::format("its {} does not keep the shape", graph));
  }
  return results[0];
}

std::vector<ValueId> lower_flex_attention(const NodeContext& node) {
  Builder& build = node.build;
  const Shape q = node.shape_of(0), k = node.shape_of(1), v = node.shape_of(2);
  if (q.size() != 4 || k.size() != 4 || v.size() != 4 || k[1] < 1 || q[1] % k[1] != 0 || v[1] != k[1] || q[3] < 1) {
    node.invalid(fmt::format("q {}, k {} and v {} do not fit", to_string(q), to_string(k), to_string(v)));
  }
  const double scale = node.attributes.real("scale", 1 / std::sqrt(static_cast<double>(q[3])));
  const ValueId keys = repeat_heads(build, node.input(1), q[1] / k[1]);
  const ValueId values = repeat_heads(build, node.input(2), q[1] / k[1]);
  const ValueId raw = modified(node, "score_mod", scores(build, node.input(0), keys, scale));
  const ValueId probabilities = modified(node, "prob_mod", build.apply1(primitives::make_softmax(3), {raw}));
  return {build.apply1(primitives::make_matmul(), {probabilities, values})};
}

}  // namespace

std::vector<Operator> flex_attention_operators() {
  return {
      {.type = "FlexAttention", .since = 1, .lowering = lower_flex_attention, .domain = "ai.onnx.preview"},
  };
}

}  // namespace mho::onnx::ops
