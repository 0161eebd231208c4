// All reductions: axes as attribute and as input, none and noop, keepdims.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases reduce_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(3, 1, 3);
  for (const char* type : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
                           "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
    const std::string name(type);
    const Range range = name == "ReduceLogSum" || name == "ReduceL2" ? Range{0.3, 2} : Range{};
    const Ints axes = draw.one_of<Ints>({{0}, {1, 2}, {-1}, {0, 1, 2}});
    const auto count = static_cast<std::int64_t>(axes.size());
    cases.add(type, x, 11, {}, range).with("axes", axes).with("keepdims", draw.integer(0, 1));
    cases.add(type, x, 18, {"axes"}, range).with("keepdims", draw.integer(0, 1));
    cases.model().integers("axes", {count}, axes);
    cases.add(type, x, 18, {}, range).with("noop_with_empty_axes", draw.integer(0, 1));
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
