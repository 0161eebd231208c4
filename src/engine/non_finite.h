// Where NaN and infinities first arise in a run, in words.
#pragma once

#include <string>

#include "engine/plan.h"

namespace mho::engine {

/// Empty where there is none. Both, because infinities may be meant, as in a mask in front of a Softmax, and NaN never
/// is: where there is one, infinities that came before it may be why.
struct NonFinite {
  std::string nan;
  std::string infinity;
  [[nodiscard]] bool any() const { return !nan.empty() || !infinity.empty(); }
};

/// "a NaN arises first in tensor 'y' of Softmax node 'probabilities', infinities in initializer 'mask'"
[[nodiscard]] std::string describe(const NonFinite& found);

/// Runs the plan forward from what it is fed. In a Plan that was not optimised every ONNX node is looked at.
[[nodiscard]] NonFinite non_finite_forward(Plan& plan);
/// Runs it backward from its seeds, after a forward run.
[[nodiscard]] NonFinite non_finite_backward(Plan& plan);

}  // namespace mho::engine
