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
  const std::vector<bool> wanted = graph::ancestors(graph, setup.target.value);
  bool kinks = false;
  for (const graph::Node& node : graph.nodes()) {
    const primitives::Positions active = graph::inputs_in(node, moves);
    const auto is_wanted = [&](graph::ValueId id) { return wanted[static_cast<std::size_t>(id)]; };
    if (active.empty() || node.primitive->affine(active) || std::ranges::none_of(node.outputs, is_wanted)) continue;
    if (node.primitive->delta_rule(active) == primitives::DeltaRule::none) return Quadrature::kTrapezoid;
    kinks = kinks || node.primitive->piecewise_affine(active);
  }
  return kinks ? Quadrature::kSecant : Quadrature::kTrapezoid;
}

}  // namespace mho::attribution
