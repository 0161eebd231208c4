// Slice: attributes before opset 10, inputs from then on; steps, negative ones too, ends beyond the tensor.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases slice_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 2, 5);
  cases.add("Slice", x, draw.one_of<std::int64_t>({1, 9})).with("starts", Ints{1, 0}).with("ends", Ints{100, -1});
  cases.add("Slice", x, 9).with("axes", Ints{1}).with("starts", Ints{0}).with("ends", Ints{1});
  for (const std::int64_t opset : {10, 11, 13}) {
    const std::int64_t step = draw.one_of<std::int64_t>({1, 2, -1, -2});
    cases.add("Slice", x, opset, {"starts", "ends", "axes", "steps"});
    cases.model()
        .integers("starts", {1}, {step > 0 ? draw.integer(0, 1) : 100})
        .integers("ends", {1}, {step > 0 ? 100 : -100});
    cases.model().integers("axes", {1}, {opset == 10 ? 1 : -1}).integers("steps", {1}, {step});
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
