// Where straight paths begin: the real inputs, and the first real tensors that integer inputs become.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace mho::attribution {

/// A path moves real numbers. Token ids and other integers have no points between them, so their path begins at the
/// first real tensors that are computed from them and from constants alone: one-hot vectors, embeddings.
struct PathSources {
  std::vector<graph::ValueId> inputs;    ///< real inputs of the graph
  std::vector<graph::ValueId> embedded;  ///< first real tensors made of integer inputs

  [[nodiscard]] std::vector<graph::ValueId> all() const;
};

[[nodiscard]] PathSources find_sources(const graph::Graph& graph);

}  // namespace mho::attribution
