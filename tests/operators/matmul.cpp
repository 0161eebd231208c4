// MatMul of all ranks: vectors, matrices, batches that broadcast, both operands moving.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases matmul_cases(Draw& draw) {
  CaseList cases;

  const std::int64_t m = draw.integer(1, 3), k = draw.integer(1, 3), n = draw.integer(1, 3);
  const std::vector<std::pair<Shape, Shape>> shapes{{{k}, {k}},         {{m, k}, {k}},       {{k}, {k, n}},
                                                    {{m, k}, {k, n}},   {{2, m, k}, {k, n}}, {{2, 1, m, k}, {3, k, n}},
                                                    {{m, k}, {2, k, n}}};
  for (const auto& [a, b] : shapes) {
    cases.add("MatMul", a, draw.one_of<std::int64_t>({1, 9, 13}), {"b"});
    cases.model().input("b", extents_of(b));
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
