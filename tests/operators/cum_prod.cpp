// CumProd along any axis, exclusive and in reverse.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases cum_prod_cases(Draw& draw) {
  CaseList cases;
  cases.add("CumProd", draw.shape(3, 1, 4), 26, {"axis"})
      .with("exclusive", draw.integer(0, 1))
      .with("reverse", draw.integer(0, 1));
  cases.model().integers("axis", {}, {draw.integer(-3, 2)});
  return std::move(cases).take();
}

}  // namespace mho::testing::ops
