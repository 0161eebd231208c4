// Conv in one to three dimensions: groups, strides, dilations, pads, auto_pad, bias, weights that move.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases conv_cases(Draw& draw) {
  CaseList cases;

  for (const std::size_t axes : {1, 2, 3}) {
    const std::int64_t groups = draw.integer(1, 2), in = groups * draw.integer(1, 2), out = groups * draw.integer(1, 2);
    Shape x = draw.shape(axes + 2, 5, 6), w = draw.shape(axes + 2, 1, 3);
    x[0] = draw.integer(1, 2), x[1] = in, w[0] = out, w[1] = in / groups;
    cases.add("Conv", x, draw.one_of<std::int64_t>({1, 11, 22}), {"w", draw.coin() ? "b" : ""});
    NodeHandle node(cases.model().proto().mutable_graph()->mutable_node(0));
    node.with("group", groups).with("strides", draw.shape(axes, 1, 2));
    const std::int64_t pads = draw.integer(0, 2);
    if (pads == 1) node.with("auto_pad", draw.one_of<std::string>({"SAME_UPPER", "SAME_LOWER", "VALID"}));
    if (pads == 0) node.with("dilations", draw.shape(axes, 1, 2));
    if (pads == 2) node.with("pads", draw.shape(2 * axes, 0, 2));
    cases.model().floats("b", {out}, draw.floats({out}));
    if (draw.coin()) {
      cases.model().input("w", extents_of(w));
    } else {
      cases.model().floats("w", w, draw.floats(w));
    }
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
