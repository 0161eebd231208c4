// LRN over several sizes of neighbourhoods.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases lrn_cases(Draw& draw) {
  CaseList cases;

  cases.add("LRN", {2, draw.integer(1, 5), 2, 2}, draw.one_of<std::int64_t>({1, 13}))
      .with("size", draw.one_of<std::int64_t>({1, 3, 5}))
      .with("alpha", 0.5)
      .with("beta", 0.6)
      .with("bias", 1.2);

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
