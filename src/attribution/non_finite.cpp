// Results that are not finite: refused with the tensor in which a NaN or infinity first arises.
#include "attribution/non_finite.h"

#include <fmt/format.h>

namespace mho::attribution {

namespace {

/// The way out.
std::string advice(const Setup& setup) {
  return setup.network->device()->real() == DType::f32 ? "; where float32 overflows, --precision double does not"
                                                       : "; another baseline may avoid it";
}

}  // namespace

void refuse(const Setup& setup, const Target& target, const EvaluatorOptions& options, const Suspect& suspect) {
  EvaluatorOptions plain;
  plain.gradients = options.gradients;
  plain.optimize = false;
  plain.use_affine_prefix = false;
  plain.multipliers = options.multipliers;
  plain.rule_of = options.rule_of;
  plain.relevance_of = options.relevance_of;
  Evaluator evaluator(setup, target, 1, plain);
  ExamplePath path = evaluator.path(suspect.example, suspect.reference < 0 ? suspect.example : suspect.reference);
  const std::string what = fmt::format("{} of example {} is not finite", suspect.what, suspect.example);
  for (std::size_t k = 0; k < suspect.alphas.size(); ++k) {
    const double alpha = suspect.alphas[k];
    const auto found = evaluator.non_finite(path, alpha, k > 0 ? suspect.alphas[k - 1] : 0);
    if (!found.any()) continue;
    throw Error(Code::kNumeric,
                fmt::format("{}: at alpha = {:.6g} {}{}", what, alpha, engine::describe(found), advice(setup)));
  }
  throw Error(Code::kNumeric, fmt::format("{}, but no tensor and no gradient on its path has a NaN or infinity: the "
                                          "sum itself is too large{}",
                                          what, advice(setup)));
}

}  // namespace mho::attribution
