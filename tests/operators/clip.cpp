// Clip: attributes before opset 11, inputs from then on, either bound left out.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases clip_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 4);
  cases.add("Clip", x, 6).with("min", -0.5).with("max", 0.7);
  cases.add("Clip", x, 6).with("max", 0.2);
  for (const std::int64_t opset : {11, 12, 13}) {
    const bool low = draw.coin();
    cases.add("Clip", x, opset, {low ? "low" : "", low && draw.coin() ? "" : "high"});
    cases.model().floats("low", {}, {-0.4F}).floats("high", {}, {0.6F});
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
