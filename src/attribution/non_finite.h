// Results that are not finite: refused with the tensor in which a NaN or infinity first arises.
#pragma once

#include <string>
#include <vector>

#include "attribution/evaluator.h"

namespace mho::attribution {

/// What is not finite, and where to look for the reason.
struct Suspect {
  std::string what;  ///< "the attribution of layer 'relu1'"
  std::int64_t example = 0;
  std::vector<double> alphas;   ///< points of the path; multipliers are those between neighbours
  std::int64_t reference = -1;  ///< which example of the baselines its path begins at; -1: that of the example
};

/// Runs the model once more at these points, node by node as it was exported, without passes or prefixes. `options`
/// are those of the evaluator that found it. Throws Error(kNumeric).
[[noreturn]] void refuse(const Setup& setup, const Target& target, const EvaluatorOptions& options,
                         const Suspect& suspect);

}  // namespace mho::attribution
