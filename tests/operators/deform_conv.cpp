// DeformConv: groups of channels and of offsets, strides, pads, dilations, masks; offsets that move (no rule) and
// constant ones.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases deform_conv_cases(Draw& draw) {
  OperatorCases cases;
  for (const bool moves : {false, true}) {
    const std::int64_t group = draw.integer(1, 2), offset_group = draw.integer(1, 2);
    const std::int64_t out = group * draw.integer(1, 2), channels = 2 * draw.integer(1, 2);
    const Shape x{draw.integer(1, 2), channels, draw.integer(4, 5), draw.integer(4, 5)};
    const Shape w{out, channels / group, draw.integer(1, 3), draw.integer(1, 2)};
    const Shape strides = draw.shape(2, 1, 2), dilations = draw.shape(2, 1, 2), pads = draw.shape(4, 1, 2);
    Shape offset{x[0], offset_group * w[2] * w[3] * 2, 0, 0};
    for (std::size_t i = 0; i < 2; ++i) {
      offset[i + 2] = (x[i + 2] + pads[i] + pads[i + 2] - (w[i + 2] - 1) * dilations[i] - 1) / strides[i] + 1;
    }
    OperatorCase one{moves ? "DeformConv, offsets that move" : "DeformConv",
                     model_of_x(x, draw.one_of<std::int64_t>({19, 22}))};
    one.has_rule = !moves;
    std::vector<std::string> inputs{"x", "w", "offset", draw.coin() ? "bias" : "", draw.coin() ? "mask" : ""};
    one.model.floats("w", w, draw.floats(w)).floats("bias", {out}, draw.floats({out}));
    if (moves) {
      one.model.input("offset", extents_of(offset));
    } else {
      one.model.floats("offset", offset, draw.floats(offset, {-2, 2}));
    }
    const Shape mask{offset[0], offset[1] / 2, offset[2], offset[3]};
    if (draw.coin()) {
      one.model.floats("mask", mask, draw.floats(mask));
    } else if (inputs[4] == "mask") {
      one.model.input("mask", extents_of(mask));
    }
    one.model.node("DeformConv", inputs, {"y"})
        .with("group", group)
        .with("offset_group", offset_group)
        .with("strides", strides)
        .with("dilations", dilations)
        .with("pads", pads);
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace mho::testing::ops
