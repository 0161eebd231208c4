// Rules of backward passes that are not gradients, as a caller chooses them per node: DeepLIFT's and LRP's.
#pragma once

#include <cstdint>
#include <functional>

#include "graph/graph.h"

namespace mho::engine {

/// How multipliers pass a node that is not linear in what differs from the reference (docs/deeplift.md).
enum class Rule : std::uint8_t {
  rescale,        ///< the primitive's own rule
  reveal_cancel,  ///< activations: positive and negative changes separately; else the primitive's own rule
  genomics,       ///< reveal_cancel behind matrix products alone, the primitive's own rule elsewhere
  gradient,       ///< the vjp at the input; breaks summation-to-delta
  linear,         ///< as if output = input; breaks summation-to-delta
};

/// Empty: Rule::rescale everywhere.
using RuleOf = std::function<Rule(const graph::Node&)>;

/// How relevance passes a node that sums (docs/lrp.md).
struct RelevanceRule {
  enum class Kind : std::uint8_t { epsilon, gamma, alpha_beta };
  Kind kind = Kind::epsilon;
  double parameter = 0;  ///< epsilon, gamma, or alpha (beta = alpha - 1)
};

/// Empty: no LRP.
using RelevanceOf = std::function<RelevanceRule(const graph::Node&)>;

}  // namespace mho::engine
