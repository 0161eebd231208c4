// Pad: attributes before opset 11, inputs from then on, axes from 18 on; all modes, negative pads.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases pad_cases(Draw& draw) {
  CaseList cases;

  const Shape x = draw.shape(2, 3, 4);
  cases.add("Pad", x, 2).with("pads", draw.shape(4, 0, 2)).with("value", 0.7).with("mode", "constant");
  cases.add("Pad", x, 2).with("pads", draw.shape(4, 0, 2)).with("mode", draw.coin() ? "reflect" : "edge");
  for (const char* mode : {"constant", "reflect", "edge", "wrap"}) {
    const bool constant = std::string(mode) == "constant";
    cases
        .add("Pad", x, std::string(mode) == "wrap" ? 19 : draw.one_of<std::int64_t>({11, 13, 18, 21}),
             {"pads", "value"})
        .with("mode", mode);
    cases.model().integers("pads", {4}, draw.integers({4}, constant ? -1 : 0, 2)).floats("value", {}, {0.3F});
  }
  cases.add("Pad", x, 18, {"pads", "", "axes"});
  cases.model().integers("pads", {2}, {1, 2}).integers("axes", {1}, {-1});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
