// Where straight paths begin: real inputs, embeddings of token ids, or the tensors that a request names.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace mho::attribution {

/// A path moves real numbers. Token ids and other integers have no points between them: a path begins where they have
/// become real numbers.
struct PathSources {
  std::vector<graph::ValueId> inputs;    ///< real inputs of the graph
  std::vector<graph::ValueId> embedded;  ///< tensors behind inputs; whatever else inputs lead to stays as it is at x

  [[nodiscard]] std::vector<graph::ValueId> all() const;
};

/// The tensors named in `at`; without any, the real inputs and what integer inputs look up in a constant table (Gather
/// of an initializer: an embedding). Where a model has neither, the first real tensors made of integers: one-hot
/// vectors. Throws Error: kNotFound, or kInvalidArgument where one of `at` is an integer, depends on no input or on
/// another one of `at`.
[[nodiscard]] PathSources find_sources(const graph::Graph& graph, std::span<const std::string> at = {});

}  // namespace mho::attribution
