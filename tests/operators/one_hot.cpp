// OneHot of integers, with values that move.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases one_hot_cases(Draw& draw) {
  CaseList cases;

  cases.add("OneHot", {2}, draw.one_of<std::int64_t>({9, 11}), {"depth", "x"});
  cases.model().proto().mutable_graph()->mutable_node(0)->set_input(0, "index");
  cases.model().integers("index", {3}, {0, 2, -1}).integers("depth", {}, {4});
  NodeHandle(cases.model().proto().mutable_graph()->mutable_node(0)).with("axis", draw.integer(-1, 1));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
