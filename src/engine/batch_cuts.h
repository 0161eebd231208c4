// Which values a batch cuts for certain: what can be told from the graphs, without running them.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace mho::engine {

/// True where `whole` is `one` with the leading extent multiplied by `batch`: slot b is a contiguous chunk.
[[nodiscard]] bool scales_with_batch(const Shape& one, const Shape& whole, std::int64_t batch);

/// By value id: chunk b of its leading axis in `several` is what example b alone gives in `one`, because every node in
/// front of it works on leading rows one by one. `one` and `several` are specialisations of one model to 1 and `batch`
/// examples whose inputs all have an example axis in front, with values of the same ids. False says nothing.
[[nodiscard]] std::vector<bool> surely_cut(const graph::Graph& one, const graph::Graph& several, std::int64_t batch);

}  // namespace mho::engine
