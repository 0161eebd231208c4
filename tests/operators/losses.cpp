// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: all reductions, class weights, ignored targets.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases losses_cases(Draw& draw) {
  OperatorCases cases;
  for (const char* type : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    for (const char* reduction : {"none", "sum", "mean"}) {
      const Shape shape = draw.shape(static_cast<std::size_t>(draw.integer(2, 3)), 2, 4);
      Shape targets = shape;
      targets.erase(targets.begin() + 1);
      OperatorCase one{std::string(type), model_of_x(shape, draw.one_of<std::int64_t>({12, 13}))};
      one.model.input("t", extents_of(targets), ::onnx::TensorProto::INT64);
      auto classes = draw.integers(targets, 0, shape[1] - 1);
      if (draw.coin()) classes.back() = -100;
      classes.front() = 0;
      one.values.emplace("t", Array(targets, classes));
      std::vector<std::string> inputs{"x", "t"};
      if (draw.coin()) {
        one.model.floats("weights", {shape[1]}, draw.floats({shape[1]}, {0.5, 2}));
        inputs.emplace_back("weights");
      }
      one.model.node(type, inputs, {"y"}).with("reduction", reduction).with("ignore_index", -100);
      cases.push_back(std::move(one));
    }
  }
  return cases;
}

}  // namespace mho::testing::ops
