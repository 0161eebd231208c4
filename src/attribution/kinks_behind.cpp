// How many kinks lie between layers and the target.
#include "attribution/kinks_behind.h"

#include <algorithm>

namespace mho::attribution {

std::vector<std::int64_t> kinks_behind(const Setup& setup) {
  const graph::Graph& graph = *setup.graph;
  const std::vector<bool> wanted = graph::ancestors(graph, setup.target.value);
  std::vector<std::int64_t> result;
  for (const LayerChoice& layer : setup.layers) {
    const graph::ValueId id = graph.find(layer.name);
    const std::vector<bool> behind = graph::dependents(graph, std::span(&id, 1));
    std::int64_t kinks = 0;
    for (const graph::Node& node : graph.nodes()) {
      const primitives::Positions active = graph::inputs_in(node, behind);
      if (active.empty() || node.primitive->affine(active) || !node.primitive->piecewise_affine(active)) continue;
      for (const graph::ValueId output : node.outputs) {
        if (wanted[graph::index(output)]) kinks += graph.value(output).type.elements();
      }
    }
    result.push_back(kinks);
  }
  return result;
}

}  // namespace mho::attribution
