// Gemm: transposed operands, alpha, beta, C of every shape that broadcasts, all operands moving.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases gemm_cases(Draw& draw) {
  CaseList cases;

  const std::int64_t rows = draw.integer(1, 3), inner = draw.integer(1, 3), columns = draw.integer(1, 3);
  for (const Shape& c : {Shape{}, Shape{columns}, Shape{rows, 1}, Shape{rows, columns}}) {
    const bool trans_a = draw.coin(), trans_b = draw.coin();
    cases
        .add("Gemm", trans_a ? Shape{inner, rows} : Shape{rows, inner}, draw.one_of<std::int64_t>({7, 9, 11, 13}),
             {"b", "c"})
        .with("transA", trans_a ? 1 : 0)
        .with("transB", trans_b ? 1 : 0)
        .with("alpha", draw.one_of<double>({1, 0.7}))
        .with("beta", draw.one_of<double>({1, 0.6, 0}));
    cases.model().input("b", extents_of(trans_b ? Shape{columns, inner} : Shape{inner, columns}));
    cases.model().input("c", extents_of(c));
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
