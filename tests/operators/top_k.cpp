// TopK: k as attribute and as input, largest and smallest, any axis. DeepLIFT has no rule for moving positions.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases top_k_cases(Draw& draw) {
  OperatorCases cases;
  for (const std::int64_t opset : {9, 10, 11, 24}) {
    const Shape shape = draw.shape(3, 1, 4);
    const std::int64_t axis = draw.integer(-3, 2);
    const std::int64_t k = draw.integer(1, shape[static_cast<std::size_t>(axis < 0 ? axis + 3 : axis)]);
    OperatorCase one{"TopK " + std::to_string(opset), model_of_x(shape, opset)};
    one.has_rule = false;
    one.model.output("places");
    if (opset >= 10) one.model.integers("k", {1}, {k});
    NodeHandle node = one.model.node("TopK", {"x", opset >= 10 ? "k" : ""}, {"y", "places"}).with("axis", axis);
    if (opset < 10) {
      node.proto().mutable_input()->RemoveLast();
      node.with("k", k);
    }
    if (opset >= 11) node.with("largest", draw.integer(0, 1));
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace mho::testing::ops
