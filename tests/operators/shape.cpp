// Shape and Size: numbers that follow from shapes, as factors.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases shape_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 3);
  for (const char* type : {"Shape", "Size"}) {
    cases.add("Mul", x, 13, {"factor"});
    cases.model().node(type, {"x"}, {"numbers"});
    cases.model().node("ReduceSum", {"numbers"}, {"sum"}).with("keepdims", 0);
    cases.model().node("Cast", {"sum"}, {"factor"}).with("to", 1);
  }
  cases.add("Reshape", x, 15, {"part"});
  cases.model().node("Shape", {"x"}, {"end"}).with("start", -1);
  cases.model().integers("free", {1}, {-1}).node("Concat", {"free", "end"}, {"part"}).with("axis", 0);

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
