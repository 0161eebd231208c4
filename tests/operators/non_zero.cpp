// NonZero of a constant, as indices of a gather.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases non_zero_cases(Draw& draw) {
  const Shape shape = draw.shape(2, 2, 4);
  ModelBuilder model = model_of_x(shape, 13);
  std::vector<float> mask(static_cast<std::size_t>(element_count(shape)));
  for (float& v : mask) v = draw.coin() ? 1 : 0;
  mask.back() = -1;
  model.floats("mask", shape, mask);
  model.node("NonZero", {"mask"}, {"places"});
  model.node("Transpose", {"places"}, {"indices"});
  model.node("GatherND", {"x", "indices"}, {"y"});
  return {{"NonZero", std::move(model)}};
}

}  // namespace mho::testing::ops
