// Col2Im: overlapping blocks, strides, dilations, pads; MaxUnpool: indices that are an input, a larger result.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases col2im_cases(Draw& draw) {
  OperatorCases cases;
  const Shape image = draw.shape(2, 3, 5), block = draw.shape(2, 1, 2), strides = draw.shape(2, 1, 2);
  const Shape dilations = draw.shape(2, 1, 2), pads = draw.shape(4, 0, 1);
  std::int64_t blocks = 1;
  for (std::size_t i = 0; i < 2; ++i) {
    blocks *= (image[i] + pads[i] + pads[i + 2] - dilations[i] * (block[i] - 1) - 1) / strides[i] + 1;
  }
  ModelBuilder model = model_of_x({2, 2 * block[0] * block[1], blocks}, 18);
  model.integers("image", {2}, image).integers("block", {2}, block);
  model.node("Col2Im", {"x", "image", "block"}, {"y"})
      .with("strides", strides)
      .with("dilations", dilations)
      .with("pads", pads);
  cases.push_back({"Col2Im", std::move(model)});

  const Shape x{1, 2, 2, draw.integer(1, 3)};
  OperatorCase unpool{"MaxUnpool", model_of_x(x, draw.one_of<std::int64_t>({9, 11, 22}))};
  unpool.model.input("i", extents_of(x), ::onnx::TensorProto::INT64);
  unpool.values.emplace("i", Array(x, draw.integers(x, 0, 4 * element_count(x) - 1)));
  std::vector<std::string> inputs{"x", "i"};
  if (draw.coin()) {
    unpool.model.integers("shape", {4}, {1, 2, 5, 2 * x[3] + 1});
    inputs.emplace_back("shape");
  }
  unpool.model.node("MaxUnpool", inputs, {"y"})
      .with("kernel_shape", std::vector<std::int64_t>{2, 2})
      .with("strides", std::vector<std::int64_t>{2, 2});
  cases.push_back(std::move(unpool));
  return cases;
}

}  // namespace mho::testing::ops
