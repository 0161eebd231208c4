// Runs a graph node by node on a device, keeping every value: slow, and without anything that could hide an error.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace mho::conformance {

/// The graph's outputs, in order. `feeds` holds an array for every graph input.
[[nodiscard]] std::vector<Array> evaluate(const graph::Graph& graph, kernels::Device& device,
                                          const std::map<std::string, Array, std::less<>>& feeds);

}  // namespace mho::conformance
