// Convolution (+ constant bias) (+ residual) (+ ReLU) and matmul (+ constant bias) (+ ReLU) into one primitive.
#include "graph/passes/passes.h"
#include "graph/passes/uses.h"
#include "primitives/primitives.h"

namespace mho::graph {

namespace {

using kernels::Binary;
using kernels::Unary;

class Fuser {
 public:
  enum class What { sums, relu };
  Fuser(Graph& graph, std::span<const ValueId> keep, What what) : graph_(graph), uses_(graph, keep), what_(what) {}

  void run() {
    std::vector<Node> nodes(graph_.nodes().begin(), graph_.nodes().end());
    std::vector<bool> dropped(nodes.size(), false);
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      if (dropped[n]) continue;
      std::size_t at = n;
      // The fused node stands where its last part stood: a residual may be made in between.
      while (const auto next = extended(nodes[at], nodes)) {
        dropped[at] = true;
        at = *next;
        nodes[at] = fused_;
      }
    }
    std::vector<Node> kept;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      if (!dropped[n]) kept.push_back(std::move(nodes[n]));
    }
    graph_.set_nodes(std::move(kept));
  }

 private:
  /// The node that can be fused behind `node`, with the result in fused_.
  std::optional<std::size_t> extended(const Node& node, const std::vector<Node>& nodes) {
    const auto convolution = primitives::as_convolution(*node.primitive);
    const auto matmul = primitives::as_matmul(*node.primitive);
    if (!convolution && !matmul) return std::nullopt;
    if ((convolution && convolution->fusion.relu) || (matmul && matmul->relu)) return std::nullopt;
    const NodeId reader = uses_.sole_reader(node.outputs[0]);
    if (reader == kNoNode) return std::nullopt;
    const auto position = static_cast<std::size_t>(reader);
    const Node& next = nodes[position];
    fused_ = node;
    fused_.outputs = next.outputs;
    fused_.origin_name = next.origin_name;
    fused_.origin_type = next.origin_type;

    if (what_ == What::relu) {
      if (primitives::as_unary(*next.primitive) != kernels::UnaryFunction{Unary::relu}) return std::nullopt;
      if (convolution) {
        primitives::ConvolutionFusion fusion = convolution->fusion;
        fusion.relu = true;
        fused_.primitive = primitives::make_convolution(convolution->attributes, fusion);
      } else {
        fused_.primitive = primitives::make_matmul(matmul->attributes, true);
      }
      return position;
    }
    if (primitives::as_binary(*next.primitive) != Binary::add) return std::nullopt;
    const ValueId other = next.inputs[next.inputs[0] == node.outputs[0] ? 1 : 0];
    if (graph_.value(next.outputs[0]).type.shape != graph_.value(node.outputs[0]).type.shape) return std::nullopt;
    if (const auto bias = bias_of(node, other)) return with_bias(node, *bias, position);
    const bool same = graph_.value(other).type == graph_.value(node.outputs[0]).type;
    if (!convolution || convolution->fusion.residual || !same || graph_.is_constant(other)) return std::nullopt;
    primitives::ConvolutionFusion fusion = convolution->fusion;
    fusion.residual = true;
    fused_.primitive = primitives::make_convolution(convolution->attributes, fusion);
    fused_.inputs.push_back(other);
    return position;
  }

  /// A constant with one element per output channel or column, as a vector.
  std::optional<ValueId> bias_of(const Node& node, ValueId other) {
    if (!graph_.is_constant(other) || !graph_.value(other).type.is_real()) return std::nullopt;
    const auto convolution = primitives::as_convolution(*node.primitive);
    if (convolution ? convolution->fusion.bias || convolution->fusion.residual : node.inputs.size() == 3) {
      return std::nullopt;
    }
    const Shape& out = graph_.value(node.outputs[0]).type.shape;
    const std::size_t axis = convolution ? 1 : out.size() - 1;
    const Shape& shape = graph_.value(other).type.shape;
    if (shape.size() + axis < out.size()) return std::nullopt;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::size_t aligned = i + out.size() - shape.size();
      if (shape[i] != (aligned == axis ? out[axis] : 1)) return std::nullopt;
    }
    Constant vector = *graph_.value(other).constant;
    vector.type.shape = {out[axis]};
    return graph_.add_constant({}, std::move(vector));
  }

  std::optional<std::size_t> with_bias(const Node& node, ValueId bias, std::size_t position) {
    if (const auto convolution = primitives::as_convolution(*node.primitive)) {
      primitives::ConvolutionFusion fusion = convolution->fusion;
      fusion.bias = true;
      fused_.primitive = primitives::make_convolution(convolution->attributes, fusion);
    }
    fused_.inputs.push_back(bias);
    return position;
  }

  Graph& graph_;
  Uses uses_;
  What what_;
  Node fused_;
};

}  // namespace

void fuse_sums(Graph& graph, std::span<const ValueId> keep) { Fuser(graph, keep, Fuser::What::sums).run(); }
void fuse_relu(Graph& graph, std::span<const ValueId> keep) { Fuser(graph, keep, Fuser::What::relu).run(); }

}  // namespace mho::graph
