// Constant in all its forms, as operand of a sum.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases constant_cases(Draw& draw) {
  CaseList cases;

  const auto with_constant = [&](std::int64_t opset) {
    cases.add("Add", {2, 3}, opset, {"c"});
    return cases.model().node("Constant", {}, {"c"});
  };
  with_constant(9).with("value", float_tensor("", {3}, draw.floats({3})));
  with_constant(12).with("value_float", draw.real(-1, 1));
  with_constant(13).with("value_floats", draw.floats({3}));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
