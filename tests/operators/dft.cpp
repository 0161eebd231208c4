// DFT of both opsets: any axis, real and complex, cut and filled, one side, inverse; STFT with and without a window.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases dft_cases(Draw& draw) {
  OperatorCases cases;
  for (const std::int64_t opset : {17, 20}) {
    Shape shape = draw.shape(4, 1, 4);
    const bool complex = draw.coin();
    shape[3] = complex ? 2 : 1;
    const std::int64_t axis = draw.integer(1, 2);
    ModelBuilder model = model_of_x(shape, opset);
    std::vector<std::string> inputs{"x", ""};
    if (draw.coin()) {
      model.integers("length", {}, {draw.integer(1, 6)});
      inputs[1] = "length";
    }
    if (opset == 20) {
      model.integers("axis", {}, {axis});
      inputs.emplace_back("axis");
    }
    NodeHandle node = model.node("DFT", inputs, {"y"});
    if (opset == 17) node.with("axis", axis);
    if (complex) {
      const bool half = draw.coin() && shape[static_cast<std::size_t>(axis)] > 1;
      node.with("inverse", half ? 1 : draw.integer(0, 1)).with("onesided", half ? 1 : 0);
    } else {
      node.with("onesided", draw.integer(0, 1));
    }
    cases.push_back({"DFT", std::move(model)});
  }
  for (const char* window : {"HannWindow", "HammingWindow", "BlackmanWindow"}) {
    const std::int64_t length = draw.integer(2, 4);
    ModelBuilder model = model_of_x({2, draw.integer(4, 8), 1}, 17);
    model.integers("step", {}, {draw.integer(1, 3)}).integers("length", {}, {length});
    model.node(window, {"length"}, {"window"}).with("periodic", draw.integer(0, 1));
    model.node("STFT", {"x", "step", draw.coin() ? "window" : "", "length"}, {"y"})
        .with("onesided", draw.integer(0, 1));
    cases.push_back({std::string("STFT, ") + window, std::move(model)});
  }
  return cases;
}

}  // namespace mho::testing::ops
