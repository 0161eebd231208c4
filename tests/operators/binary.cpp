// Arithmetic with broadcasting, both operands moving; axis and broadcast before opset 7; comparisons and logic, through
// Where.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases binary_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 3);
  for (const char* type : {"Add", "Sub", "Mul", "Div"}) {
    const Range range = std::string(type) == "Div" ? Range{0.5, 2} : Range{};
    for (const Shape& other : {x, Shape{x[2]}, Shape{x[1], 1}, Shape{}, Shape{2, 1, 1, 1}}) {
      cases.add(type, x, draw.one_of<std::int64_t>({7, 13, 14}), {"b"});
      cases.model().input("b", extents_of(other));
      cases.last().ranges["b"] = range;
    }
    cases.add(type, x, 6, {"b"}).with("broadcast", 1).with("axis", 1);
    cases.model().input("b", {x[1]});
    cases.last().ranges["b"] = range;
  }
  for (const char* type : {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    cases.add("Where", x, 16, {"x", "b"});
    cases.model().proto().mutable_graph()->mutable_node(0)->set_input(0, "chosen");
    cases.model().input("b", {x[2]}).node(type, {"x", "b"}, {"chosen"});
  }
  for (const char* type : {"And", "Or", "Xor"}) {
    cases.add("Where", x, 16, {"x", "b"});
    cases.model().proto().mutable_graph()->mutable_node(0)->set_input(0, "chosen");
    cases.model().input("b", {x[2]}).floats("zero", {}, {0}).floats("one", {}, {1});
    cases.model().node("Greater", {"x", "zero"}, {"p"});
    cases.model().node("Less", {"b", "one"}, {"q"});
    cases.model().node(type, {"p", "q"}, {"chosen"});
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
