// Where gradients end on their way from the target: integers, booleans, steps.
#pragma once

#include <mho/model.h>

#include <span>
#include <vector>

#include "graph/graph.h"

namespace mho::attribution {

/// Nodes between what moves and the target that pass no gradient, one entry per ONNX node, in order of computation.
[[nodiscard]] std::vector<GradientStop> find_stops(const graph::Graph& graph, std::span<const graph::ValueId> moving,
                                                   graph::ValueId target);

}  // namespace mho::attribution
