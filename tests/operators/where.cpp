// Where: broadcast operands, the condition made of the input; Trilu: both triangles, any diagonal.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases where_cases(Draw& draw) {
  OperatorCases cases;

  const Shape shape = draw.shape(3);
  ModelBuilder where = model_of_x(shape, draw.one_of<std::int64_t>({9, 16, 24}));
  where.input("other", {shape[2]}).floats("zero", {}, {0});
  where.node("Greater", {"x", "zero"}, {"positive"});
  where.node("Where", {"positive", "x", "other"}, {"y"});
  cases.push_back({"Where", std::move(where)});

  ModelBuilder trilu = model_of_x(draw.shape(3), 14);
  trilu.integers("k", {}, {draw.integer(-2, 2)});
  trilu.node("Trilu", {"x", "k"}, {"y"}).with("upper", draw.integer(0, 1));
  cases.push_back({"Trilu", std::move(trilu)});
  return cases;
}

}  // namespace mho::testing::ops
