// F: which tensor, and which element of it.
#pragma once

#include <mho/attribution.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace mho::attribution {

struct TargetTensor {
  graph::ValueId value = graph::kNoValue;
  std::string name;
  std::string note;    ///< where it is not the output itself, and why
  Shape output_shape;  ///< of the model's output that was asked for
};

/// The output `output` ("": the first), or, unless `probability`, the input of the Softmax or Sigmoid that makes it.
/// Any other tensor of the graph is taken as it is: F is then a neuron. Throws Error(kNotFound).
[[nodiscard]] TargetTensor find_target(const graph::Graph& graph, const std::string& output, bool probability);

/// F as weights on flat elements of one example's target tensor.
struct TargetTerms {
  std::int64_t index = 0;  ///< to be reported: the element, or the first one of several
  std::vector<std::pair<std::int64_t, double>> weights;
};

/// For one example, with its target values at x. `subtract_mean`: F minus the mean of all elements. Throws
/// Error(kInvalidArgument) where an index is out of range or the number of weights is not that of the elements.
[[nodiscard]] TargetTerms resolve(const Target& target, bool subtract_mean, std::int64_t example,
                                  const Shape& example_shape, std::span<const double> values);

}  // namespace mho::attribution
