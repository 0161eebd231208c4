// Flatten at any axis, negative ones from opset 11 on.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases flatten_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 3);
  cases.add("Flatten", x, 9).with("axis", draw.integer(0, 3));
  cases.add("Flatten", x, draw.one_of<std::int64_t>({11, 13, 21})).with("axis", draw.integer(-3, 3));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
