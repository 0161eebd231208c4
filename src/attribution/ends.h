// What ablation compares with: F at x and at x', and what every layer's elements are replaced by.
#pragma once

#include <vector>

#include "attribution/owned_tensor.h"
#include "attribution/setup.h"

namespace mho::attribution {

struct Ends {
  std::vector<double> f_input;     ///< per example
  std::vector<double> f_baseline;  ///< likewise
  std::vector<TargetTerms> targets;
  std::vector<std::vector<OwnedTensor>> replacements;  ///< per layer: one for all examples, or one each; plain layout
};

/// Runs all examples at x and at x'. Throws Error(kNumeric) where F or a replacement is NaN or infinite,
/// kInvalidArgument where the target does not fit.
[[nodiscard]] Ends run_ends(const Setup& setup, const Request& request);

/// A copy in plain layout, in the device's type.
[[nodiscard]] OwnedTensor plain_copy(kernels::Device& device, const kernels::Tensor& t);

}  // namespace mho::attribution
