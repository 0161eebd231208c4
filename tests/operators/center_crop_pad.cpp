// CenterCropPad: axes that grow and axes that shrink, all of them or some.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases center_crop_pad_cases(Draw& draw) {
  ModelBuilder all = model_of_x(draw.shape(3, 1, 5), 18);
  all.integers("shape", {3}, draw.integers({3}, 1, 7));
  all.node("CenterCropPad", {"x", "shape"}, {"y"});
  ModelBuilder some = model_of_x(draw.shape(3, 1, 5), 18);
  some.integers("shape", {2}, draw.integers({2}, 1, 7));
  some.node("CenterCropPad", {"x", "shape"}, {"y"}).with("axes", std::vector<std::int64_t>{-1, 0});
  return {{"CenterCropPad", std::move(all)}, {"CenterCropPad, two axes", std::move(some)}};
}

}  // namespace mho::testing::ops
