// GatherND: elements and slices, batch axes, indices that are constants or inputs.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases gather_nd_cases(Draw& draw) {
  OperatorCases cases;
  for (const bool constant : {true, false}) {
    const Shape shape = draw.shape(3, 1, 4);
    const std::int64_t batch_dims = draw.integer(0, 1);
    const std::int64_t depth = draw.integer(1, 3 - batch_dims);
    Shape indices(shape.begin(), shape.begin() + batch_dims);
    indices.push_back(draw.integer(1, 4));
    indices.push_back(depth);
    std::vector<std::int64_t> values;
    const std::int64_t rows = element_count(indices) / depth;
    for (std::int64_t k = 0; k < rows; ++k) {
      for (std::int64_t i = 0; i < depth; ++i) {
        const std::int64_t extent = shape[static_cast<std::size_t>(batch_dims + i)];
        values.push_back(draw.integer(-extent, extent - 1));
      }
    }
    OperatorCase one{"GatherND", model_of_x(shape, draw.one_of<std::int64_t>({12, 13}))};
    if (constant) {
      one.model.integers("i", indices, values);
    } else {
      one.model.input("i", extents_of(indices), ::onnx::TensorProto::INT64);
      one.values.emplace("i", Array(indices, values));
    }
    one.model.node("GatherND", {"x", "i"}, {"y"}).with("batch_dims", batch_dims);
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace mho::testing::ops
