// RoiAlign: mean and maximum, both ways to place corners, a fixed number of samples and one that follows from the
// regions; regions that move and constant ones.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases roi_align_cases(Draw& draw) {
  OperatorCases cases;
  for (const std::string mode : {"avg", "max"}) {
    for (const bool moves : {false, true}) {
      const Shape x{draw.integer(1, 2), draw.integer(1, 2), draw.integer(3, 6), draw.integer(3, 6)};
      const std::int64_t regions = draw.integer(1, 3), opset = draw.one_of<std::int64_t>({10, 16, 22});
      OperatorCase one{"RoiAlign " + mode + (moves ? ", regions that move" : ""), model_of_x(x, opset)};
      if (moves) {
        one.model.input("rois", {regions, 4});
        one.ranges["rois"] = {-1, 9};
      } else {
        std::vector<float> corners;
        for (std::int64_t r = 0; r < regions; ++r) {
          for (const Range range : {Range{-1, 3}, Range{-1, 3}, Range{4, 12}, Range{4, 12}}) {
            corners.push_back(static_cast<float>(draw.real(range.low, range.high)));
          }
        }
        one.model.floats("rois", {regions, 4}, corners);
      }
      one.model.integers("examples", {regions}, draw.integers({regions}, 0, x[0] - 1));
      NodeHandle node = one.model.node("RoiAlign", {"x", "rois", "examples"}, {"y"})
                            .with("mode", mode)
                            .with("output_height", draw.integer(1, 3))
                            .with("output_width", draw.integer(1, 3))
                            .with("spatial_scale", 0.5)
                            .with("sampling_ratio", draw.integer(moves ? 1 : 0, 2));
      if (opset >= 16 && draw.coin()) {
        node.with("coordinate_transformation_mode", draw.one_of<std::string>({"half_pixel", "output_half_pixel"}));
      }
      cases.push_back(std::move(one));
    }
  }
  return cases;
}

}  // namespace mho::testing::ops
