// Cutting a graph at fed values and dropping what nobody needs.
#include <algorithm>

#include "graph/passes/passes.h"

namespace mho::graph {

void cut_at(Graph& graph, std::span<const ValueId> feeds) {
  const auto is_feed = [&](ValueId id) { return std::ranges::find(feeds, id) != feeds.end(); };
  std::vector<Node> nodes;
  for (const Node& node : graph.nodes()) {
    if (std::ranges::all_of(node.outputs, is_feed)) continue;
    nodes.push_back(node);
    for (ValueId& id : nodes.back().outputs) {
      if (is_feed(id)) id = graph.add_value(graph.value(id).type);
    }
  }
  graph.set_nodes(std::move(nodes));
  graph.set_inputs({feeds.begin(), feeds.end()});
  for (const ValueId id : feeds) graph.value(id).constant.reset();
}

void remove_dead(Graph& graph, std::span<const ValueId> keep) {
  std::vector<bool> needed(graph.value_count(), false);
  for (const ValueId id : keep) needed[static_cast<std::size_t>(id)] = true;
  std::vector<Node> nodes;
  for (std::size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.node(static_cast<NodeId>(n));
    if (std::ranges::none_of(node.outputs, [&](ValueId id) { return needed[static_cast<std::size_t>(id)]; })) continue;
    for (const ValueId id : node.inputs) needed[static_cast<std::size_t>(id)] = true;
    nodes.push_back(node);
  }
  std::ranges::reverse(nodes);
  graph.set_nodes(std::move(nodes));
}

}  // namespace mho::graph
