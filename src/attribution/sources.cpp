// Where straight paths begin: the real inputs, and the first real tensors that integer inputs become.
#include "attribution/sources.h"

#include <algorithm>

namespace mho::attribution {

using graph::ValueId;

std::vector<ValueId> PathSources::all() const {
  std::vector<ValueId> result = inputs;
  result.insert(result.end(), embedded.begin(), embedded.end());
  return result;
}

PathSources find_sources(const graph::Graph& graph) {
  PathSources sources;
  std::vector<bool> moves(graph.value_count(), false);    // depends on a source
  std::vector<bool> integer(graph.value_count(), false);  // made of integer inputs, no source in between
  for (const ValueId id : graph.inputs()) {
    const bool real = graph.value(id).type.is_real();
    (real ? moves : integer)[static_cast<std::size_t>(id)] = true;
    if (real) sources.inputs.push_back(id);
  }
  for (const graph::Node& node : graph.nodes()) {
    const auto any = [&](const std::vector<bool>& facts) {
      return std::ranges::any_of(node.inputs, [&](ValueId id) { return facts[static_cast<std::size_t>(id)]; });
    };
    const bool any_moves = any(moves);
    const bool any_integer = any(integer);
    for (const ValueId id : node.outputs) {
      const auto i = static_cast<std::size_t>(id);
      const bool real = graph.value(id).type.is_real();
      moves[i] = any_moves || (real && any_integer);
      integer[i] = !any_moves && any_integer && !real;
      if (real && any_integer && !any_moves) sources.embedded.push_back(id);
    }
  }
  return sources;
}

}  // namespace mho::attribution
