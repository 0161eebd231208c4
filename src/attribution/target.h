// F: which tensor, and which element of it.
#pragma once

#include <mho/attribution.h>

#include <span>
#include <string>

#include "graph/graph.h"

namespace mho::attribution {

struct TargetTensor {
  graph::ValueId value = graph::kNoValue;
  std::string name;
  std::string note;    ///< where it is not the output itself, and why
  Shape output_shape;  ///< of the model's output that was asked for
};

/// The output `output` ("": the first), or, unless `probability`, the input of the Softmax or Sigmoid that makes it.
/// Throws Error(kNotFound).
[[nodiscard]] TargetTensor find_target(const graph::Graph& graph, const std::string& output, bool probability);

/// F as weights on flat elements of one example's target tensor.
struct TargetTerms {
  std::int64_t plus = 0;
  std::int64_t minus = -1;  ///< -1: none
};

/// For one example, with its target values at x. Throws Error(kInvalidArgument) where an index is out of range.
[[nodiscard]] TargetTerms resolve(const Target& target, std::int64_t example, const Shape& example_shape,
                                  std::span<const double> values);

}  // namespace mho::attribution
