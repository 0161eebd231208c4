// Scan: states, scan inputs of several axes and directions, stacked outputs; opset 8 with its batch axis.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

/// (h, a) -> (tanh(h + a), h * a)
::onnx::GraphProto cell(const Shape& shape) {
  ModelBuilder body(0);
  body.input("h", extents_of(shape)).input("a", extents_of(shape)).output("next").output("product");
  body.node("Add", {"h", "a"}, {"sum"});
  body.node("Tanh", {"sum"}, {"next"});
  body.node("Mul", {"h", "a"}, {"product"});
  return body.proto().graph();
}

}  // namespace

OperatorCases scan_cases(Draw& draw) {
  OperatorCases cases;
  const std::int64_t width = draw.integer(1, 3);
  const std::int64_t length = draw.integer(1, 4);
  const std::int64_t axis = draw.integer(0, 1);
  ModelBuilder model = model_of_x(axis == 0 ? Shape{length, width} : Shape{width, length},
                                  draw.one_of<std::int64_t>({9, 11, 16, 19, 21}));
  model.output("products");
  model.input("h0", {width});
  model.node("Scan", {"h0", "x"}, {"y", "products"})
      .with("num_scan_inputs", 1)
      .with("scan_input_axes", std::vector<std::int64_t>{axis - (draw.coin() ? 2 : 0)})
      .with("scan_input_directions", std::vector<std::int64_t>{draw.integer(0, 1)})
      .with("scan_output_axes", std::vector<std::int64_t>{draw.integer(-2, 1)})
      .with("scan_output_directions", std::vector<std::int64_t>{draw.integer(0, 1)})
      .with("body", cell({width}));
  cases.push_back({"Scan", std::move(model)});

  const std::int64_t batch = draw.integer(1, 2);
  ModelBuilder old = model_of_x({batch, length, width}, 8);
  old.output("products");
  old.input("h0", {batch, width});
  old.node("Scan", {"", "h0", "x"}, {"y", "products"}).with("num_scan_inputs", 1).with("body", cell({width}));
  cases.push_back({"Scan 8", std::move(old)});
  return cases;
}

}  // namespace mho::testing::ops
