// Compress: along an axis, and of the flattened tensor, by a condition that may be shorter.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases compress_cases(Draw& draw) {
  OperatorCases cases;
  for (const bool along_axis : {true, false}) {
    const Shape shape = draw.shape(2, 2, 4);
    const std::int64_t axis = draw.integer(0, 1);
    std::vector<char> condition(static_cast<std::size_t>(along_axis ? shape[static_cast<std::size_t>(axis)] : 4));
    for (char& c : condition) c = draw.coin();
    condition.front() = 1;
    if (draw.coin()) condition.pop_back();
    ModelBuilder model = model_of_x(shape, draw.one_of<std::int64_t>({9, 11}));
    model.initializer(
        raw_tensor("c", ::onnx::TensorProto::BOOL, {static_cast<std::int64_t>(condition.size())}, condition));
    NodeHandle node = model.node("Compress", {"x", "c"}, {"y"});
    if (along_axis) node.with("axis", axis);
    cases.push_back({"Compress", std::move(model)});
  }
  return cases;
}

}  // namespace mho::testing::ops
