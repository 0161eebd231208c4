// TensorScatter: linear and circular, places that are constants or inputs, without places.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases tensor_scatter_cases(Draw& draw) {
  OperatorCases cases;
  for (const bool circular : {false, true}) {
    const Shape cache{draw.integer(1, 2), 2, draw.integer(2, 4), 2};
    Shape update = cache;
    update[2] = draw.integer(1, cache[2]);
    const std::int64_t last = circular ? cache[2] - 1 : cache[2] - update[2];
    OperatorCase one{"TensorScatter", model_of_x(cache, 24)};
    one.model.input("u", extents_of(update));
    std::vector<std::string> inputs{"x", "u"};
    if (draw.coin()) {
      one.model.input("at", {cache[0]}, ::onnx::TensorProto::INT64);
      one.values.emplace("at", Array({cache[0]}, draw.integers({cache[0]}, 0, last)));
      inputs.emplace_back("at");
    }
    one.model.node("TensorScatter", inputs, {"y"}).with("mode", circular ? "circular" : "linear");
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace mho::testing::ops
