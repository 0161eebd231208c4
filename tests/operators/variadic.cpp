// Sum, Mean, Max, Min of one to three operands that broadcast.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases variadic_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 3);
  for (const char* type : {"Sum", "Mean", "Max", "Min"}) {
    cases.add(type, x, draw.one_of<std::int64_t>({8, 13}));
    cases.add(type, x, 6, {"b"});
    cases.model().input("b", extents_of(x));
    cases.add(type, x, draw.one_of<std::int64_t>({8, 13}), {"b", "c"});
    cases.model().input("b", {x[1]}).input("c", {x[0], 1});
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
