// Facts about values between inputs and a target: what moves, what matters, what is affine, what is a cut.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace mho::graph {

/// What a change of the inputs passes: gradients only differentiable primitives, and real values between them; DeepLIFT
/// multipliers everything.
enum class Through { differentiable, everything };

/// One entry per value of the graph.
struct Analysis {
  std::vector<bool> active;             ///< depends on an interpolated input
  std::vector<bool> relevant;           ///< the target depends on it, likewise
  std::vector<bool> affine_from_input;  ///< affine in the interpolated inputs (inactive values included)
  std::vector<bool> affine_to_target;   ///< the target is affine in it, all other active values at the same depth too
  std::vector<bool> cut;                ///< every path from the interpolated inputs to the target crosses it
};

/// One entry per value: `from`, and everything that depends on them in any way.
[[nodiscard]] std::vector<bool> dependents(const Graph& graph, std::span<const ValueId> from);

/// One entry per value: `of`, and everything that it depends on in any way.
[[nodiscard]] std::vector<bool> ancestors(const Graph& graph, ValueId of);

/// `inputs` are the interpolated ones (real); `target` is any value.
[[nodiscard]] Analysis analyze(const Graph& graph, std::span<const ValueId> inputs, ValueId target,
                               Through through = Through::differentiable);

}  // namespace mho::graph
