// The names of a graph's primitives, in its order: what the tests of passes compare.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace mho::graph {

using Names = std::vector<std::string>;

[[nodiscard]] inline Names names_of(const Graph& graph) {
  Names names;
  for (const Node& node : graph.nodes()) names.emplace_back(node.primitive->name());
  return names;
}

}  // namespace mho::graph
