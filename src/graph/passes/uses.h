// Who reads which value: what pattern-matching passes ask.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace mho::graph {

class Uses {
 public:
  Uses(const Graph& graph, std::span<const ValueId> keep) : readers_(graph.value_count()), kept_(graph.value_count()) {
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
      for (const ValueId id : graph.node(static_cast<NodeId>(n)).inputs) {
        readers_[static_cast<std::size_t>(id)].push_back(static_cast<NodeId>(n));
      }
    }
    for (const ValueId id : keep) kept_[static_cast<std::size_t>(id)] = true;
  }
  /// The only node that reads `id`, once, where nobody else needs the value; kNoNode otherwise.
  [[nodiscard]] NodeId sole_reader(ValueId id) const {
    const auto& readers = readers_[static_cast<std::size_t>(id)];
    return readers.size() == 1 && !kept_[static_cast<std::size_t>(id)] ? readers.front() : kNoNode;
  }

 private:
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> kept_;
};

}  // namespace mho::graph
