// The order of the passes.
#include "graph/passes/passes.h"

namespace mho::graph {

void run_passes(Graph& graph, std::span<const ValueId> keep) {
  fold_batch_normalization(graph, keep);
  remove_dead(graph, keep);
  fuse_epilogues(graph, keep);
  remove_dead(graph, keep);
}

}  // namespace mho::graph
