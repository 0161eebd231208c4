// MelWeightMatrix as the matrix of a product.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases mel_weight_matrix_cases(Draw& draw) {
  CaseList cases;
  const std::int64_t length = 2 * draw.integer(4, 12);
  cases.add("MatMul", {2, length / 2 + 1}, 17, {"mel"});
  cases.model().integers("bands", {}, {draw.integer(1, 6)}).integers("length", {}, {length});
  cases.model()
      .integers("rate", {}, {8000})
      .floats("low", {}, {draw.coin() ? 0.0F : 125.0F})
      .floats("high", {}, {3600});
  cases.model().node("MelWeightMatrix", {"bands", "length", "rate", "low", "high"}, {"mel"});
  return std::move(cases).take();
}

}  // namespace mho::testing::ops
