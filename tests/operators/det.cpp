// Det of single matrices and stacks. Which row is the pivot moves with the matrix: DeepLIFT has no rule for that, but
// for one row.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases det_cases(Draw& draw) {
  CaseList cases;
  for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{2}, draw.integer(3, 5)}) {
    Shape shape = draw.shape(static_cast<std::size_t>(draw.integer(0, 2)), 1, 3);
    shape.insert(shape.end(), {rows, rows});
    cases.add("Det", shape, draw.one_of<std::int64_t>({11, 22}));
    cases.last().has_rule = rows == 1;
  }
  return std::move(cases).take();
}

}  // namespace mho::testing::ops
