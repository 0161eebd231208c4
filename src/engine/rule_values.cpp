// What the graph passes must leave as it is, so that multipliers find what their rules are about.
#include "engine/rule_values.h"

#include "graph/analysis.h"
#include "primitives/primitives.h"

namespace mho::engine {

std::vector<ValueId> kept_for_rules(const Graph& graph, const PlanRequest& request) {
  std::vector<ValueId> result;
  if (request.moving.empty()) return result;
  // In front of all layers there are no rules.
  const std::vector<bool> behind = graph::dependents(graph, request.gradients);
  for (const graph::Node& node : graph.nodes()) {
    // A rule for ReLU needs its input.
    const auto function = primitives::as_unary(*node.primitive);
    const bool relu = function && function->kind == kernels::Unary::relu;
    if (relu && behind[static_cast<std::size_t>(node.inputs[0])]) result.push_back(node.inputs[0]);
    // A node with a rule of its own is not made part of another.
    if (!request.rule_of || request.rule_of(node) == Rule::rescale) continue;
    result.insert(result.end(), node.outputs.begin(), node.outputs.end());
  }
  return result;
}

}  // namespace mho::engine
