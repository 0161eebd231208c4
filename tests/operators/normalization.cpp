// Layer, RMS, instance, group, mean-variance and Lp normalization: axes, groups, parameters that move.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases normalization_cases(Draw& draw) {
  CaseList cases;

  const Shape x{2, 4, draw.integer(1, 3), 3};
  const std::int64_t axis = draw.integer(1, 3);
  const Shape last(x.begin() + axis, x.end());
  for (const bool moves : {true, false}) {
    for (const char* type : {"LayerNormalization", "RMSNormalization"}) {
      const bool bias = std::string(type) == "LayerNormalization" && draw.coin();
      const std::int64_t opset = std::string(type) == "RMSNormalization" ? 23 : draw.one_of<std::int64_t>({12, 17});
      cases.add(type, x, opset, bias ? std::vector<std::string>{"s", "b"} : std::vector<std::string>{"s"})
          .with("axis", draw.coin() ? axis : axis - 4)
          .with("epsilon", 0.05);
      if (moves) {
        cases.model().input("s", extents_of(last));
      } else {
        cases.model().floats("s", last, draw.floats(last));
      }
      cases.model().floats("b", last, draw.floats(last));
    }
  }
  const std::int64_t groups = draw.one_of<std::int64_t>({1, 2, 4});
  for (const std::int64_t opset : {18, 21}) {
    const Shape parameters{opset == 18 ? groups : 4};
    cases.add("GroupNormalization", x, opset, {"s", "b"}).with("num_groups", groups).with("epsilon", 0.05);
    cases.model().floats("s", parameters, draw.floats(parameters)).floats("b", parameters, draw.floats(parameters));
  }
  cases.add("InstanceNormalization", x, draw.one_of<std::int64_t>({6, 22}), {"s", "b"}).with("epsilon", 0.05);
  cases.model().floats("s", {4}, draw.floats({4})).input("b", {4});
  cases.add("MeanVarianceNormalization", x, 9);
  cases.add("MeanVarianceNormalization", x, 13).with("axes", Ints{1, 3});
  for (const std::int64_t p : {1, 2})
    cases.add("LpNormalization", x, 22).with("p", p).with("axis", draw.integer(-1, 3));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
