// ArgMax, ArgMin: the first and the last of equal ones, with and without the axis; Hardmax. Their gradient is 0.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases arg_extremum_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 4);
  for (const char* type : {"ArgMax", "ArgMin"}) {
    cases.add(type, x, 11).with("axis", draw.integer(-3, 2)).with("keepdims", draw.integer(0, 1));
    cases.add(type, x, 13).with("axis", draw.integer(-3, 2)).with("select_last_index", draw.integer(0, 1));
  }
  cases.add("Hardmax", x, 13).with("axis", draw.integer(-3, 2));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
