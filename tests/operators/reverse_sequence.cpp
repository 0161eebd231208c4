// ReverseSequence: both orders of batch and time, lengths that are constants or inputs.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases reverse_sequence_cases(Draw& draw) {
  OperatorCases cases;
  for (const bool constant : {true, false}) {
    const Shape shape = draw.shape(3, 1, 4);
    const std::int64_t time = draw.integer(0, 1);
    const std::int64_t batch = shape[static_cast<std::size_t>(1 - time)];
    const auto lengths = draw.integers({batch}, 1, shape[static_cast<std::size_t>(time)]);
    OperatorCase one{"ReverseSequence", model_of_x(shape, 10)};
    if (constant) {
      one.model.integers("lengths", {batch}, lengths);
    } else {
      one.model.input("lengths", {batch}, ::onnx::TensorProto::INT64);
      one.values.emplace("lengths", Array({batch}, lengths));
    }
    one.model.node("ReverseSequence", {"x", "lengths"}, {"y"}).with("time_axis", time).with("batch_axis", 1 - time);
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace mho::testing::ops
