// Transpose: reversed by default, any permutation.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases transpose_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(4, 1, 3);
  cases.add("Transpose", x, draw.one_of<std::int64_t>({1, 13}));
  cases.add("Transpose", x, 13)
      .with("perm", draw.one_of<Ints>({{1, 0, 3, 2}, {0, 2, 3, 1}, {3, 0, 1, 2}, {0, 1, 2, 3}}));

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
