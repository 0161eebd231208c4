// Softmax and LogSoftmax: over all axes from axis on before opset 13, along one axis from then on.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases softmax_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 4);
  for (const char* type : {"Softmax", "LogSoftmax"}) {
    cases.add(type, x, draw.one_of<std::int64_t>({1, 11})).with("axis", draw.integer(0, 2));
    cases.add(type, x, 11);
    cases.add(type, x, 13).with("axis", draw.integer(-3, 2));
    cases.add(type, x, 13);
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
