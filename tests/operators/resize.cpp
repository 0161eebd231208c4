// Resize in all modes and coordinate transformations, by scales and by sizes; Upsample of its three opsets.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases resize_cases(Draw& draw) {
  CaseList cases;

  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* transformation : {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
      const Shape x{1, 2, draw.integer(2, 4), draw.integer(2, 4)};
      const bool sizes = draw.coin();
      cases
          .add("Resize", x, draw.one_of<std::int64_t>({11, 13, 18, 19}),
               {"", sizes ? "" : "scales", sizes ? "sizes" : ""})
          .with("mode", mode)
          .with("coordinate_transformation_mode", transformation)
          .with("nearest_mode", draw.one_of<std::string>({"round_prefer_floor", "floor", "ceil", "round_prefer_ceil"}));
      cases.model().floats("scales", {4}, {1, 1, draw.one_of<float>({0.5F, 1.5F, 2}), draw.one_of<float>({1, 2.5F})});
      cases.model().integers("sizes", {4}, {1, 2, draw.integer(1, 6), draw.integer(1, 6)});
    }
  }
  for (const char* mode : {"linear", "cubic"}) {
    cases.add("Resize", {1, 1, 5, 4}, draw.one_of<std::int64_t>({18, 19}), {"", "scales"})
        .with("mode", mode)
        .with("antialias", draw.integer(0, 1))
        .with("exclude_outside", draw.integer(0, 1));
    cases.model().floats("scales", {4}, {1, 1, draw.one_of<float>({0.4F, 0.7F}), 1.5F});
    cases.add("Resize", {1, 1, 4, 4}, 13, {"roi", "", "sizes"})
        .with("mode", mode)
        .with("coordinate_transformation_mode", "tf_crop_and_resize")
        .with("extrapolation_value", 1.5);
    cases.model().floats("roi", {8}, {0, 0, 0.2F, -0.3F, 1, 1, 0.9F, 1.2F}).integers("sizes", {4}, {1, 1, 3, 4});
  }
  const Shape x{1, 1, 2, 3};
  cases.add("Resize", x, 10, {"scales"}).with("mode", draw.coin() ? "nearest" : "linear");
  cases.model().floats("scales", {4}, {1, 1, 2, 2});
  cases.add("Upsample", x, 7).with("mode", "nearest").with("scales", std::vector<float>{1, 1, 2, 3});
  cases.add("Upsample", x, 9, {"scales"}).with("mode", draw.coin() ? "nearest" : "linear");
  cases.model().floats("scales", {4}, {1, 1, 2, 2});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
