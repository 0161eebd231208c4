// Composed activations with their attributes; PRelu with slopes of all shapes, per channel before opset 7.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases activations_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 4);
  cases.add("Gelu", x, 20).with("approximate", draw.coin() ? "tanh" : "none");
  cases.add("Gelu", x, 17).in_domain("com.microsoft");
  cases.model().import("com.microsoft", 1);
  for (const std::int64_t opset : {14, 22}) cases.add("HardSwish", x, opset, {}, {-5, 5});
  for (const std::int64_t opset : {18, 22}) cases.add("Mish", x, opset);
  cases.add("Swish", x, 24).with("alpha", draw.real(0.5, 2));
  cases.add("SwiGLU", x, 28, {"b"}).with("alpha", draw.real(0.5, 2));
  cases.model().input("b", extents_of(x));
  cases.add("Shrink", x, 9).with("lambd", 0.4).with("bias", draw.one_of<double>({0, 0.2}));
  cases.add("PRelu", x, 6, {"slope"});
  cases.model().floats("slope", {x[1]}, draw.floats({x[1]}));
  for (const Shape& slope : {Shape{}, Shape{x[2]}, Shape{x[1], 1}}) {
    cases.add("PRelu", x, draw.one_of<std::int64_t>({7, 9, 16}), {"slope"});
    cases.model().input("slope", extents_of(slope));
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
