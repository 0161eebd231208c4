// GatherElements: any axis, negative indices, indices that are constants or inputs.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases gather_elements_cases(Draw& draw) {
  OperatorCases cases;
  for (const bool constant : {true, false}) {
    const Shape shape = draw.shape(3, 1, 4);
    const std::int64_t axis = draw.integer(0, 2);
    Shape result = shape;
    for (std::int64_t& extent : result) extent = draw.integer(1, extent);
    result[static_cast<std::size_t>(axis)] = draw.integer(1, 5);
    const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
    const auto indices = draw.integers(result, -extent, extent - 1);
    OperatorCase one{"GatherElements", model_of_x(shape, draw.one_of<std::int64_t>({11, 13}))};
    if (constant) {
      one.model.integers("i", result, indices);
    } else {
      one.model.input("i", extents_of(result), ::onnx::TensorProto::INT64);
      one.values.emplace("i", Array(result, indices));
    }
    one.model.node("GatherElements", {"x", "i"}, {"y"}).with("axis", axis - (draw.coin() ? 3 : 0));
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace mho::testing::ops
