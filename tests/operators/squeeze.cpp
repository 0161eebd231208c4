// Squeeze and Unsqueeze: axes as attribute, as input, and none.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases squeeze_cases(Draw& draw) {
  CaseList cases;

  const std::int64_t n = draw.integer(1, 3);
  cases.add("Squeeze", {1, n, 1}, draw.one_of<std::int64_t>({1, 11})).with("axes", Ints{0});
  cases.add("Squeeze", {1, n, 1}, 13, {"axes"});
  cases.model().integers("axes", {1}, {-1});
  cases.add("Squeeze", {1, 2, 1}, 13);
  cases.add("Unsqueeze", {n, 2}, draw.one_of<std::int64_t>({1, 11})).with("axes", Ints{0, 2});
  cases.add("Unsqueeze", {n, 2}, draw.one_of<std::int64_t>({13, 21}), {"axes"});
  cases.model().integers("axes", {2}, {-1, 0});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
