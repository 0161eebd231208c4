// If: a branch chosen by a constant, and both branches where the condition depends on data; branches read outer
// tensors.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

/// A graph with the output "<name>_y" = type(inputs).
::onnx::GraphProto branch(const std::string& name, const std::string& type, const std::vector<std::string>& inputs) {
  ModelBuilder graph(0);
  graph.output(name + "_y");
  graph.node(type, inputs, {name + "_y"});
  return graph.proto().graph();
}

}  // namespace

OperatorCases if_cases(Draw& draw) {
  OperatorCases cases;
  const std::int64_t opset = draw.one_of<std::int64_t>({11, 13, 19, 21, 24});
  const Shape shape = draw.shape(2, 1, 4);

  ModelBuilder fixed = model_of_x(shape, opset);
  fixed.initializer(raw_tensor("chosen", ::onnx::TensorProto::BOOL, {}, std::vector<char>{draw.coin()}));
  fixed.node("If", {"chosen"}, {"y"})
      .with("then_branch", branch("then", "Tanh", {"x"}))
      .with("else_branch", branch("else", "Mul", {"x", "x"}));
  cases.push_back({"If, constant condition", std::move(fixed)});

  ModelBuilder open = model_of_x(shape, opset);
  open.floats("zero", {}, {0});
  open.node("ReduceSum", {"x"}, {"sum"}).with("keepdims", 0);
  open.node("Greater", {"sum", "zero"}, {"positive"});
  open.node("If", {"positive"}, {"y"})
      .with("then_branch", branch("then", "Tanh", {"x"}))
      .with("else_branch", branch("else", "Neg", {"x"}));
  cases.push_back({"If, condition of the data", std::move(open)});
  return cases;
}

}  // namespace mho::testing::ops
