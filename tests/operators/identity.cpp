// Identity and Dropout, which does nothing in inference, in the forms of all opsets.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases identity_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 3);
  cases.add("Identity", x, draw.one_of<std::int64_t>({1, 13, 16}));
  cases.add("Dropout", x, 6).with("is_test", 1);
  cases.add("Dropout", x, 10).with("ratio", 0.4);
  cases.add("Dropout", x, 13, {"ratio"});
  cases.model().floats("ratio", {}, {0.4F});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
