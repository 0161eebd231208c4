// DepthToSpace and SpaceToDepth in both modes.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases depth_to_space_cases(Draw& draw) {
  CaseList cases;

  const std::int64_t block = draw.integer(1, 2);
  const Shape x{draw.integer(1, 2), block * block * draw.integer(1, 2), draw.integer(1, 2), draw.integer(1, 3)};
  cases.add("DepthToSpace", x, 10).with("blocksize", block);
  cases.add("DepthToSpace", x, 11).with("blocksize", block).with("mode", draw.coin() ? "DCR" : "CRD");
  cases.add("SpaceToDepth", {1, draw.integer(1, 2), 2 * block, 4 * block}, 13).with("blocksize", block);
  cases.add("SpaceToDepth", {1, 2, 2 * block, block}, 28)
      .with("blocksize", block)
      .with("mode", draw.coin() ? "DCR" : "CRD");

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
