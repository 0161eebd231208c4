// Rewrites of a graph that keep its values: each pass states what it replaces by what.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace mho::graph {

/// Makes `feeds` the inputs of the graph, constants among them too: nodes whose outputs are all feeds disappear, and
/// nodes that would overwrite a feed write to fresh values instead.
void cut_at(Graph& graph, std::span<const ValueId> feeds);
/// Primitives in front of a maximum or an order keep ties (Primitive::keeping_ties()): where rounding decides which of
/// several equal elements is the largest, attributions wander among them. Sees the whole of a model, before cuts.
void keep_ties(Graph& graph);
/// Removes every node that no value of `keep` depends on.
void remove_dead(Graph& graph, std::span<const ValueId> keep);
/// Conv followed by x * c and x + d with per-channel constants (BatchNormalization): folded into weights and bias.
void fold_batch_normalization(Graph& graph, std::span<const ValueId> keep);
/// Functions that exporters write out in several nodes, as one primitive each: less memory and, for DeepLIFT, one rule
/// for the function however it was exported.
void fuse_gelu(Graph& graph, std::span<const ValueId> keep);
void fuse_normalization(Graph& graph, std::span<const ValueId> keep);
void fuse_softmax(Graph& graph, std::span<const ValueId> keep);
void fuse_attention(Graph& graph, std::span<const ValueId> keep);
/// Gathers at constant positions move in front of what works position by position.
void gather_early(Graph& graph, std::span<const ValueId> keep);
/// Convolution or matmul followed by a constant bias and (convolution) a residual sum: one primitive, still affine.
void fuse_sums(Graph& graph, std::span<const ValueId> keep);
/// And the ReLU behind it.
void fuse_relu(Graph& graph, std::span<const ValueId> keep);

/// A rewrite that may be left out.
struct Pass {
  std::string_view name;
  void (*run)(Graph& graph, std::span<const ValueId> keep);
};
/// In the order in which they run.
[[nodiscard]] std::span<const Pass> all_passes();
/// All passes but those named in `disabled`, each followed by remove_dead() and verify(). Values in `keep` survive,
/// under their ids. Throws Error(kInvalidArgument) where `disabled` names no pass.
void run_passes(Graph& graph, std::span<const ValueId> keep, std::span<const std::string> disabled = {});

}  // namespace mho::graph
