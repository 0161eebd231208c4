// Split: sizes as attribute and as input, equal parts, num_outputs; all parts are used.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases split_cases(Draw& draw) {
  CaseList cases;

  const Shape x{2, draw.integer(2, 5)};
  const auto add_split = [&](std::int64_t opset, const std::vector<std::string>& more) {
    NodeHandle node = cases.add("Split", x, opset, more).with("axis", 1);
    node.proto().set_output(0, "first");
    node.proto().add_output("second");
    cases.model().output("other");
    cases.model().node("Softplus", {"first"}, {"y"});
    cases.model().node("Identity", {"second"}, {"other"});
    return NodeHandle(cases.model().proto().mutable_graph()->mutable_node(0));
  };
  const Ints sizes{1, x[1] - 1};
  add_split(draw.one_of<std::int64_t>({2, 11}), {}).with("split", sizes);
  add_split(13, {"sizes"});
  cases.model().integers("sizes", {2}, sizes);
  add_split(18, {}).with("num_outputs", 2);

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
