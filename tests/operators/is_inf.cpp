// IsInf of either sign, through Where.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases is_inf_cases(Draw& draw) {
  CaseList cases;

  cases.add("Where", {2, 3}, 16, {"zero", "x"});
  cases.model().proto().mutable_graph()->mutable_node(0)->set_input(0, "infinite");
  cases.model().floats("zero", {}, {0});
  cases.model().node("IsInf", {"x"}, {"infinite"}).with("detect_negative", draw.integer(0, 1));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
