// The passes by name and in order.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <array>

#include "graph/passes/passes.h"

namespace mho::graph {

std::span<const Pass> all_passes() {
  static constexpr std::array<Pass, 8> kPasses = {{
      {"fold_batch_normalization", fold_batch_normalization},
      {"fuse_gelu", fuse_gelu},
      {"fuse_normalization", fuse_normalization},
      {"fuse_softmax", fuse_softmax},
      {"fuse_attention", fuse_attention},
      {"gather_early", gather_early},
      {"fuse_sums", fuse_sums},
      {"fuse_relu", fuse_relu},
  }};
  return kPasses;
}

void run_passes(Graph& graph, std::span<const ValueId> keep, std::span<const std::string> disabled) {
  for (const std::string& name : disabled) {
    if (std::ranges::find(all_passes(), name, &Pass::name) == all_passes().end()) {
      throw Error(Code::kInvalidArgument, fmt::format("there is no graph pass '{}' to disable", name));
    }
  }
  for (const Pass& pass : all_passes()) {
    if (std::ranges::find(disabled, pass.name) != disabled.end()) continue;
    pass.run(graph, keep);
    remove_dead(graph, keep);
    graph.verify();
  }
}

}  // namespace mho::graph
