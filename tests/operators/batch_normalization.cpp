// BatchNormalization of all opsets in inference, with parameters that are constants or move.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases batch_normalization_cases(Draw& draw) {
  CaseList cases;

  for (const std::int64_t opset : {7, 9, 14, 15}) {
    const Shape x = draw.shape(static_cast<std::size_t>(draw.integer(2, 5)), 1, 3);
    const Shape c{x[1]};
    cases.add("BatchNormalization", x, opset, {"s", "b", "m", "v"}).with("epsilon", 0.01);
    cases.model().floats("m", c, draw.floats(c)).floats("v", c, draw.floats(c, {0.3, 2}));
    if (draw.coin()) {
      cases.model().input("s", {x[1]}).input("b", {x[1]});
    } else {
      cases.model().floats("s", c, draw.floats(c)).floats("b", c, draw.floats(c));
    }
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
