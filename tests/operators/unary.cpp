// Every unary operator on its domain, with its attributes.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases unary_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 4);
  for (const char* type : {"Abs", "Asinh", "Atan", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Neg", "Relu", "Round",
                           "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tanh"}) {
    cases.add(type, x, draw.one_of<std::int64_t>({13, 22}));
  }
  for (const char* type : {"Acos", "Asin", "Atanh"}) cases.add(type, x, 9, {}, {-0.9, 0.9});
  cases.add("Acosh", x, 9, {}, {1.2, 3});
  cases.add("Tan", x, 7, {}, {-1.2, 1.2});
  for (const char* type : {"Log", "Reciprocal", "Sqrt"})
    cases.add(type, x, draw.one_of<std::int64_t>({6, 13}), {}, {0.2, 3});
  cases.add("Celu", x, 12).with("alpha", draw.real(0.5, 2));
  cases.add("Elu", x, 6).with("alpha", draw.real(0.5, 2));
  cases.add("HardSigmoid", x, 6, {}, {-4, 4}).with("alpha", 0.3).with("beta", 0.4);
  cases.add("LeakyRelu", x, draw.one_of<std::int64_t>({6, 16})).with("alpha", draw.real(-0.2, 0.3));
  cases.add("Selu", x, 6).with("alpha", 1.5).with("gamma", 1.1);
  cases.add("ThresholdedRelu", x, 10).with("alpha", 0.4);
  for (const char* type : {"IsNaN", "Not"}) {
    cases.add("Where", x, 16, {"x", "zero"});
    cases.model().proto().mutable_graph()->mutable_node(0)->set_input(0, "chosen");
    cases.model().floats("zero", {}, {0}).node("Greater", {"x", "zero"}, {"positive"});
    cases.model().node(type, {std::string(type) == "Not" ? "positive" : "x"}, {"chosen"});
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
