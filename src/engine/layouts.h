// Chooses a memory layout for every value and puts in reorders where neighbours disagree.
#pragma once

#include "graph/graph.h"

namespace mho::engine {

/// Rewrites `graph` for a device with blocked layouts: convolutions decide, elementwise primitives and pools follow,
/// everything else is plain. Inputs stay plain.
void choose_layouts(graph::Graph& graph, const kernels::Device& device);

}  // namespace mho::engine
