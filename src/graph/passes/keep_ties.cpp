// Where equal values are compared: what computes them must round them alike.
#include "graph/passes/passes.h"

namespace mho::graph {

void keep_ties(Graph& graph) {
  std::vector<Node> nodes(graph.nodes().begin(), graph.nodes().end());
  std::vector<bool> compared(graph.value_count(), false);
  for (std::size_t n = nodes.size(); n-- > 0;) {
    Node& node = nodes[n];
    primitives::Positions moving;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!graph.is_constant(node.inputs[i])) moving.add(i);
    }
    bool ties = node.primitive->compares(moving);
    for (const ValueId id : node.outputs) ties = ties || compared[index(id)];
    if (!ties) continue;
    for (const ValueId id : node.inputs) compared[index(id)] = true;
    if (auto keeping = node.primitive->keeping_ties()) node.primitive = std::move(keeping);
  }
  graph.set_nodes(std::move(nodes));
}

}  // namespace mho::graph
