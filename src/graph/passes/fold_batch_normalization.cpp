// BatchNormalization behind a convolution, as x * c and x + d with per-channel constants, into weights and bias:
// c * conv(x, w) + d = conv(x, c w) + d.
#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "graph/passes/uses.h"
#include "primitives/primitives.h"

namespace mho::graph {

namespace {

using kernels::Binary;

bool is_per_channel(const Shape& shape, const Shape& out) {
  Shape expected(out.size(), 1);
  expected[1] = out[1];
  return shape == expected;
}

}  // namespace

void fold_batch_normalization(Graph& graph, std::span<const ValueId> keep) {
  const Uses uses(graph, keep);
  const auto device = kernels::make_reference_device();
  const auto fold = [&](const PrimitivePtr& primitive, std::vector<Constant> inputs) {
    return evaluate_constants(*device, *primitive, inputs).front();
  };
  const auto multiply = primitives::make_binary(Binary::mul);
  std::vector<Node> nodes(graph.nodes().begin(), graph.nodes().end());
  std::vector<bool> dropped(nodes.size(), false);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    Node& node = nodes[n];
    const auto facts = primitives::as_convolution(*node.primitive);
    if (!facts || facts->fusion.relu || facts->fusion.residual || !graph.is_constant(node.inputs[1])) continue;
    const NodeId reader = uses.sole_reader(node.outputs[0]);
    if (reader == kNoNode) continue;
    Node& scale = nodes[static_cast<std::size_t>(reader)];
    if (primitives::as_binary(*scale.primitive) != Binary::mul) continue;
    const ValueId factor = scale.inputs[scale.inputs[0] == node.outputs[0] ? 1 : 0];
    const Shape out = graph.value(node.outputs[0]).type.shape;
    if (!graph.is_constant(factor) || !is_per_channel(graph.value(factor).type.shape, out)) continue;

    Constant per_output = *graph.value(factor).constant;
    per_output.type.shape = Shape(out.size(), 1);
    per_output.type.shape[0] = out[1];
    // The fused node takes the multiplication's place; the addition behind it becomes a bias in fuse_sums.
    Node fused = node;
    fused.outputs = scale.outputs;
    fused.origin_name = scale.origin_name;
    fused.origin_type = scale.origin_type;
    fused.inputs[1] = graph.add_constant({}, fold(multiply, {*graph.value(node.inputs[1]).constant, per_output}));
    if (facts->fusion.bias) {
      if (!graph.is_constant(node.inputs[2])) continue;
      Constant vector = per_output;
      vector.type.shape = {out[1]};
      fused.inputs[2] = graph.add_constant({}, fold(multiply, {*graph.value(node.inputs[2]).constant, vector}));
    }
    // With a bias of its own the convolution takes the shift in as well: c (conv + b) + d = c conv + (c b + d).
    const NodeId next = facts->fusion.bias ? uses.sole_reader(scale.outputs[0]) : kNoNode;
    Node* shift = next == kNoNode ? nullptr : &nodes[static_cast<std::size_t>(next)];
    if (shift != nullptr && primitives::as_binary(*shift->primitive) == Binary::add) {
      const ValueId offset = shift->inputs[shift->inputs[0] == scale.outputs[0] ? 1 : 0];
      if (graph.is_constant(offset) && is_per_channel(graph.value(offset).type.shape, out)) {
        Constant vector = *graph.value(offset).constant;
        vector.type.shape = {out[1]};
        const Constant& bias = *graph.value(fused.inputs[2]).constant;
        fused.inputs[2] = graph.add_constant({}, fold(primitives::make_binary(Binary::add), {bias, vector}));
        fused.outputs = shift->outputs;
        *shift = std::move(fused);
        dropped[n] = dropped[static_cast<std::size_t>(reader)] = true;
        continue;
      }
    }
    scale = std::move(fused);
    dropped[n] = true;
  }
  std::vector<Node> kept;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (!dropped[n]) kept.push_back(std::move(nodes[n]));
  }
  graph.set_nodes(std::move(kept));
}

}  // namespace mho::graph
