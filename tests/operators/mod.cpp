// Mod of reals (fmod) with a moving dividend.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases mod_cases(Draw& draw) {
  CaseList cases;

  cases.add("Mod", draw.shape(2, 1, 4), draw.one_of<std::int64_t>({10, 13}), {"b"}, {-4, 4}).with("fmod", 1);
  cases.model().floats("b", {}, {1.3F});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
