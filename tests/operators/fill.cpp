// ConstantOfShape, Expand, EyeLike, Range, Tile: what repeats passes sums of gradients back.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases fill_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 1, 3);
  cases.add("Expand", {x[0], 1}, draw.one_of<std::int64_t>({8, 13}), {"shape"});
  cases.model().integers("shape", {3}, {2, 1, x[1]});
  cases.add("Tile", x, draw.one_of<std::int64_t>({6, 13}), {"repeats"});
  cases.model().integers("repeats", {2}, draw.shape(2, 1, 3));
  cases.add("Add", x, 9, {"c"});
  cases.model().integers("size", {1}, {x[1]});
  cases.model().node("ConstantOfShape", {"size"}, {"c"}).with("value", float_tensor("", {1}, {0.3F}));
  cases.add("Mul", {3}, 11, {"c"});
  cases.model().floats("from", {}, {1}).floats("to", {}, {2.5F}).floats("step", {}, {0.5F});
  cases.model().node("Range", {"from", "to", "step"}, {"c"});
  cases.add("Mul", {3, 2}, 9, {"c"});
  cases.model().node("EyeLike", {"x"}, {"c"}).with("k", draw.integer(-1, 1));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
