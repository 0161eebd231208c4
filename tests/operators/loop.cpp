// Loop: a carried value, a scan output, a condition that ends it early, an outer tensor read inside.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases loop_cases(Draw& draw) {
  const Shape shape = draw.shape(2, 1, 3);
  ModelBuilder body(0);
  body.input("k", {}, ::onnx::TensorProto::INT64).input("before", {}, ::onnx::TensorProto::BOOL);
  body.input("h", extents_of(shape));
  body.output("goes_on").output("next").output("sum");
  body.node("Add", {"h", "x"}, {"sum"});
  body.node("Tanh", {"sum"}, {"next"});
  body.node("Less", {"k", "last"}, {"goes_on"});

  ModelBuilder model = model_of_x(shape, draw.one_of<std::int64_t>({11, 13, 19, 21}));
  model.output("sums");
  model.integers("trips", {}, {draw.integer(1, 4)}).integers("last", {}, {draw.integer(0, 4)});
  model.node("Loop", {draw.coin() ? "trips" : "", "", "x"}, {"y", "sums"}).with("body", body.proto().graph());
  return {{"Loop", std::move(model)}};
}

}  // namespace mho::testing::ops
