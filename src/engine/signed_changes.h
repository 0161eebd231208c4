// RevealCancel beside Rescale: what the signs of changes before a nonlinearity add to multipliers.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace mho::engine {

/// The linear nodes in front of a nonlinearity, back to those in which changes of both signs meet.
struct SignedChanges {
  struct Link {
    graph::NodeId node = graph::kNoNode;
    primitives::Magnitudes magnitudes;
  };
  /// An input of a link that mixes.
  struct Source {
    std::size_t link = 0;
    std::size_t input = 0;
  };
  std::vector<Link> links;      ///< in topological order; the last one makes the nonlinearity's input
  std::vector<Source> sources;  ///< without any, RevealCancel is Rescale
  bool only_products = false;   ///< all links that mix are matrix products
};

/// Factors, offsets and movements are followed up to nodes that mix; anything else ends the search.
/// `moves`: by value, whether it differs from the reference.
[[nodiscard]] SignedChanges find_signed_changes(const graph::Graph& graph, const graph::Node& nonlinearity,
                                                const std::vector<bool>& moves);

/// A backward step: with changes D+ and D- of the nonlinearity's input, RevealCancel has multipliers m+ and m- for
/// them, Rescale one m. m+ - m and m- - m are carried back through the links as even and odd part, (m+ + m-)/2 - m and
/// (m+ - m-)/2: a linear map L takes the even part by L^T and the odd part by |L|^T, and an input of a link that mixes
/// gets even + sign(x - x') odd (arXiv 1704.02685 section 3.5.1 and 3.5.3; docs/deeplift.md).
struct SignedChangesStep {
  struct Link {
    const graph::Node* node = nullptr;
    primitives::Magnitudes magnitudes;
    primitives::Positions active;
    std::vector<kernels::Tensor> inputs, reference_inputs;
    std::vector<std::size_t> makers;  ///< by input: the link whose output it is, or kNoLink
    kernels::TensorType output;
  };
  struct Source {
    std::size_t link = 0;
    std::size_t input = 0;
    kernels::Tensor correction;  ///< to be added to the input's multipliers
  };
  static constexpr std::size_t kNoLink = static_cast<std::size_t>(-1);

  kernels::UnaryFunction function;
  kernels::Tensor x, reference_x, output_multipliers;
  std::vector<Link> links;
  std::vector<Source> sources;

  void run(primitives::Exec& exec) const;
};

}  // namespace mho::engine
