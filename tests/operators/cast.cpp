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
  OperatorCase bits{"BitCast", ModelBuilder(26, 12)};
  bits.model.input("x", extents_of(x), ::onnx::TensorProto::INT8).output("y");
  bits.model.node("BitCast", {"x"}, {"bits"}).with("to", 2);
  bits.model.node("Cast", {"bits"}, {"y"}).with("to", 1);
  bits.values.emplace("x", Array(x, draw.integers(x, -128, 127)));
  OperatorCases all = std::move(cases).take();
  all.push_back(std::move(bits));
  return all;
}

}  // namespace mho::testing::ops
