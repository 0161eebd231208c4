// Unique and NonMaxSuppression of constants, as indices of what moves.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases selection_cases(Draw& draw) {
  CaseList cases;
  cases.add("Gather", {4, 2}, 13, {"unique"});
  cases.model().integers("places", {5}, draw.integers({5}, 0, 3));
  cases.model().node("Unique", {"places"}, {"unique", "first", "inverse", "counts"}).with("sorted", draw.integer(0, 1));

  cases.add("GatherND", {1, 2, 3}, 13, {"chosen"});
  std::vector<float> boxes;
  for (int i = 0; i < 3; ++i) {
    for (const double corner : {draw.real(0, 1), draw.real(0, 1), draw.real(1, 2), draw.real(1, 2)}) {
      boxes.push_back(static_cast<float>(corner));
    }
  }
  cases.model().floats("boxes", {1, 3, 4}, boxes).floats("scores", {1, 2, 3}, draw.floats({1, 2, 3}, {0, 1}));
  cases.model().integers("most", {}, {2}).floats("overlap", {}, {0.5F});
  cases.model()
      .node("NonMaxSuppression", {"boxes", "scores", "most", "overlap"}, {"chosen"})
      .with("center_point_box", draw.integer(0, 1));
  return std::move(cases).take();
}

}  // namespace mho::testing::ops
