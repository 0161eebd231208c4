// Pow: constant exponents whole and broken, a moving base and a moving exponent.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases pow_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 3);
  for (const float exponent : {2.0F, 3.0F, -1.0F, 0.5F}) {
    cases.add("Pow", x, draw.one_of<std::int64_t>({7, 12, 13, 15}), {"e"}, {0.3, 2});
    cases.model().floats("e", {}, {exponent});
  }
  cases.add("Pow", x, 13, {"e"}, {0.3, 2});
  cases.model().input("e", {x[1]});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
