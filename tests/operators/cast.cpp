// Cast between floats passes gradients, Cast to integers and booleans and back stops them; CastLike.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases cast_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 4);
  for (const int to : {1, 10, 11, 16}) cases.add("Cast", x, draw.one_of<std::int64_t>({9, 13, 19})).with("to", to);
  for (const int to : {6, 7, 9}) {
    cases.add("Cast", x, 13).with("to", to);
    cases.model().proto().mutable_graph()->mutable_node(0)->set_output(0, "whole");
    cases.model().node("Cast", {"whole"}, {"y"}).with("to", 1);
  }
  cases.add("CastLike", x, draw.one_of<std::int64_t>({15, 19}), {"like"});
  cases.model().floats("like", {1}, {0});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
