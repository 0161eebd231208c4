// Concat along any axis, of several moving tensors; the default axis of opset 1.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases concat_cases(Draw& draw) {
  CaseList cases;

  Shape x = draw.shape(3, 1, 3), other = x;
  const std::int64_t axis = draw.integer(0, 2);
  other[static_cast<std::size_t>(axis)] = draw.integer(1, 3);
  cases.add("Concat", x, draw.one_of<std::int64_t>({4, 11, 13}), {"b", "x"}).with("axis", axis);
  cases.model().input("b", extents_of(other));
  cases.add("Concat", {2, 3}, 1, {"b"});
  cases.model().input("b", {2, 2});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
