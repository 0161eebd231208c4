// Which rule Quadrature::kAdaptive stands for.
#include "attribution/choose_rule.h"

#include <algorithm>

namespace mho::attribution {

Quadrature choose_rule(const Setup& setup) {
  // One gradient is exact.
  const auto exact = [](const LayerChoice& layer) { return layer.affine_to_target; };
  if (std::ranges::all_of(setup.layers, exact)) return Quadrature::kTrapezoid;
  const graph::Graph& graph = *setup.graph;
  const std::vector<bool> moves = graph::dependents(graph, setup.sources.all());
  std::vector<bool> wanted(graph.value_count(), false);
  wanted[static_cast<std::size_t>(setup.target.value)] = true;
  bool kinks = false;
  for (std::size_t n = graph.nodes().size(); n-- > 0;) {
    const graph::Node& node = graph.nodes()[n];
    const auto is_wanted = [&](graph::ValueId id) { return wanted[static_cast<std::size_t>(id)]; };
    if (std::ranges::none_of(node.outputs, is_wanted)) continue;
    for (const graph::ValueId id : node.inputs) wanted[static_cast<std::size_t>(id)] = true;
    const primitives::Positions active = graph::inputs_in(node, moves);
    if (active.empty() || node.primitive->affine(active)) continue;
    if (node.primitive->delta_rule(active) == primitives::DeltaRule::none) return Quadrature::kTrapezoid;
    kinks = kinks || node.primitive->piecewise_affine(active);
  }
  return kinks ? Quadrature::kSecant : Quadrature::kTrapezoid;
}

}  // namespace mho::attribution
