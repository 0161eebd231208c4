// Reshape: as attribute in opset 1, as input later, with 0, -1 and allowzero.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases reshape_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 4);
  cases.add("Reshape", x, 1).with("shape", Ints{x[1], x[0] * x[2]});
  cases.add("Reshape", x, draw.one_of<std::int64_t>({5, 13}), {"shape"});
  cases.model().integers("shape", {2}, {0, -1});
  cases.add("Reshape", x, 14, {"shape"}).with("allowzero", 1);
  cases.model().integers("shape", {2}, {-1, x[2]});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
