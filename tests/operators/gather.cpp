// Gather along any axis, with negative indices, of constants and from constants.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases gather_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 2, 4);
  const std::int64_t axis = draw.integer(0, 2), extent = x[static_cast<std::size_t>(axis)];
  const Shape indices = draw.shape(static_cast<std::size_t>(draw.integer(0, 2)), 1, 3);
  cases.add("Gather", x, draw.one_of<std::int64_t>({11, 13}), {"i"}).with("axis", axis);
  cases.model().integers("i", indices, draw.integers(indices, -extent, extent - 1));
  cases.add("Gather", x, 13, {"i"}).with("axis", axis);
  cases.model().input("i", extents_of(indices), ::onnx::TensorProto::INT64);
  cases.last().values.emplace("i", Array(indices, draw.integers(indices, 0, extent - 1)));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
