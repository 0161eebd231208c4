// GridSample: all modes and paddings, two and three dimensions, grids that move (no rule) and constant ones;
// AffineGrid.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases grid_sample_cases(Draw& draw) {
  OperatorCases cases;
  for (const std::string mode : {"nearest", "linear", "cubic"}) {
    for (const std::string padding : {"zeros", "border", "reflection"}) {
      const bool volume = mode != "cubic" && draw.integer(0, 2) == 0, moves = draw.coin();
      const std::int64_t opset = volume ? 20 : draw.one_of<std::int64_t>({16, 20, 22});
      Shape x = draw.shape(volume ? 5 : 4, 1, 4), grid = draw.shape(x.size() - 1, 1, 3);
      grid[0] = x[0];
      grid.push_back(volume ? 3 : 2);
      OperatorCase one{"GridSample " + mode + " " + padding, model_of_x(x, opset)};
      one.has_rule = !moves;
      if (moves) {
        one.model.input("grid", extents_of(grid));
      } else {
        one.model.floats("grid", grid, draw.floats(grid, {-1.4, 1.4}));
      }
      const std::string old = mode == "nearest" ? mode : mode == "linear" ? "bilinear" : "bicubic";
      one.model.node("GridSample", {"x", "grid"}, {"y"})
          .with("mode", opset < 20 ? old : mode)
          .with("padding_mode", padding)
          .with("align_corners", draw.integer(0, 1));
      cases.push_back(std::move(one));
    }
  }
  const bool volume = draw.coin();
  ModelBuilder affine = model_of_x({2, volume ? 3 : 2, volume ? 4 : 3}, 20);
  std::vector<std::int64_t> size{2, 1, draw.integer(1, 3), draw.integer(1, 3)};
  if (volume) size.push_back(draw.integer(1, 3));
  affine.integers("size", {static_cast<std::int64_t>(size.size())}, size);
  affine.node("AffineGrid", {"x", "size"}, {"y"}).with("align_corners", draw.integer(0, 1));
  cases.push_back({"AffineGrid", std::move(affine)});
  return cases;
}

}  // namespace mho::testing::ops
