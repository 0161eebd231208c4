// ConvTranspose in one to three dimensions: groups, strides, dilations, pads, output_padding, output_shape, bias.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases conv_transpose_cases(Draw& draw) {
  CaseList cases;

  for (const std::size_t axes : {1, 2, 3}) {
    const std::int64_t groups = draw.integer(1, 2), in = groups * draw.integer(1, 2), out = draw.integer(1, 2);
    Shape x = draw.shape(axes + 2, 1, 3), w = draw.shape(axes + 2, 2, 3);
    x[0] = draw.integer(1, 2), x[1] = in, w[0] = in, w[1] = out;
    const Ints strides = draw.shape(axes, 2, 3);
    cases.add("ConvTranspose", x, draw.one_of<std::int64_t>({1, 11, 22}), {"w", draw.coin() ? "b" : ""});
    NodeHandle node(cases.model().proto().mutable_graph()->mutable_node(0));
    node.with("group", groups).with("strides", strides);
    const std::int64_t form = draw.integer(0, 2);
    if (form == 1) node.with("pads", draw.shape(2 * axes, 0, 0)).with("output_padding", draw.shape(axes, 0, 1));
    if (form == 2) node.with("dilations", draw.shape(axes, 1, 2));
    cases.model().floats("b", {out * groups}, draw.floats({out * groups}));
    cases.model().floats("w", w, draw.floats(w));
  }

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
