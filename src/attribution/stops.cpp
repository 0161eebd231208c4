// Where gradients end on their way from the target: integers, booleans, steps.
#include "attribution/stops.h"

#include <algorithm>

#include "graph/analysis.h"
#include "primitives/primitives.h"

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;
using kernels::Unary;

namespace {

/// Why a node passes no gradient, or none that is true; empty if it does.
std::string reason_of(const Graph& graph, const graph::Node& node) {
  const kernels::TensorType& made = graph.value(node.outputs[0]).type;
  if (made.dtype == kernels::DType::b8) return "makes truth values: no gradient";
  if (!made.is_real()) return "makes integers: no gradient";
  const auto unary = primitives::as_unary(*node.primitive);
  const bool steps = unary && (unary->kind == Unary::floor || unary->kind == Unary::ceil ||
                               unary->kind == Unary::round || unary->kind == Unary::sign);
  if (steps) return "is a step, with gradient 0";
  if (node.primitive->name() == "round_straight_through")
    return "rounds, with gradient 1 by definition: NIG is not complete";
  return node.primitive->differentiable() ? "" : "has no gradient";
}

}  // namespace

std::vector<GradientStop> find_stops(const Graph& graph, std::span<const ValueId> moving, ValueId target) {
  const std::vector<bool> moves = graph::dependents(graph, moving);
  std::vector<bool> wanted(graph.value_count(), false);
  wanted[static_cast<std::size_t>(target)] = true;
  const auto nodes = graph.nodes();
  for (std::size_t n = nodes.size(); n-- > 0;) {
    const graph::Node& node = nodes[n];
    if (std::ranges::none_of(node.outputs, [&](ValueId id) { return wanted[static_cast<std::size_t>(id)]; })) continue;
    for (const ValueId id : node.inputs) wanted[static_cast<std::size_t>(id)] = true;
  }
  std::vector<GradientStop> stops;
  for (const graph::Node& node : nodes) {
    const bool known = !stops.empty() && stops.back().node == node.origin_name && stops.back().op == node.origin_type;
    // ArgMax compares, then counts: what the ONNX node makes in the end is what people know.
    if (known && graph.value(node.outputs[0]).type.dtype == kernels::DType::i64) {
      stops.back().reason = reason_of(graph, node);
      continue;
    }
    const bool between =
        std::ranges::any_of(node.outputs, [&](ValueId id) { return wanted[static_cast<std::size_t>(id)]; }) &&
        std::ranges::any_of(node.inputs, [&](ValueId id) {
          return moves[static_cast<std::size_t>(id)] && graph.value(id).type.is_real();
        });
    if (!between) continue;
    const std::string reason = reason_of(graph, node);
    if (!reason.empty() && !known) stops.push_back({node.origin_name, node.origin_type, reason});
  }
  return stops;
}

}  // namespace mho::attribution
