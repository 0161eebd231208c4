// LpPool and GlobalLpPool of several p, away from where all of a window is zero.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases lp_pool_cases(Draw& draw) {
  CaseList cases;

  const Shape x{1, 2, draw.integer(3, 5), draw.integer(3, 5)};
  for (const std::int64_t opset : {2, 11, 18, 22}) {
    cases.add("LpPool", x, opset, {}, {0.2, 2})
        .with("kernel_shape", draw.shape(2, 1, 3))
        .with("p", draw.integer(1, 3))
        .with("strides", draw.shape(2, 1, 2));
  }
  cases.add("GlobalLpPool", x, 2, {}, {0.2, 2}).with("p", draw.integer(1, 3));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
