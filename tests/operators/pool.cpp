// MaxPool and AveragePool in one to three dimensions: strides, pads, dilations, ceil_mode, auto_pad; the global ones;
// the output Indices.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases pool_cases(Draw& draw) {
  CaseList cases;

  for (const std::size_t axes : {1, 2, 3}) {
    Shape x = draw.shape(axes + 2, 3, 5);
    x[0] = draw.integer(1, 2), x[1] = draw.integer(1, 2);
    for (const char* type : {"MaxPool", "AveragePool"}) {
      const bool average = std::string(type) == "AveragePool";
      NodeHandle node = cases.add(type, x, draw.one_of<std::int64_t>({10, 11, 19, 22}));
      node.with("kernel_shape", draw.shape(axes, 2, 3)).with("strides", draw.shape(axes, 1, 2));
      if (draw.coin()) {
        node.with("pads", draw.shape(2 * axes, 0, 1)).with("ceil_mode", draw.integer(0, 1));
      } else {
        node.with("auto_pad", draw.one_of<std::string>({"SAME_UPPER", "SAME_LOWER", "VALID"}));
      }
      if (average) node.with("count_include_pad", draw.integer(0, 1));
    }
    cases.add("GlobalAveragePool", x, draw.one_of<std::int64_t>({1, 22}));
    cases.add("GlobalMaxPool", x, draw.one_of<std::int64_t>({1, 22}));
  }
  cases.add("MaxPool", {1, 2, 6, 6}, 12).with("kernel_shape", Ints{2, 2}).with("dilations", Ints{2, 3});

  // Where the maxima are is read by MaxUnpool; DeepLIFT has no rule for positions that move.
  cases.add("MaxPool", {2, 2, 4, 6}, draw.one_of<std::int64_t>({11, 22}))
      .with("kernel_shape", Ints{2, 2})
      .with("strides", Ints{2, 2});
  cases.last().name += ", MaxUnpool";
  cases.last().has_rule = false;
  ::onnx::NodeProto& pool = *cases.model().proto().mutable_graph()->mutable_node(0);
  pool.set_output(0, "pooled");
  pool.add_output("places");
  cases.model()
      .node("MaxUnpool", {"pooled", "places"}, {"y"})
      .with("kernel_shape", Ints{2, 2})
      .with("strides", Ints{2, 2});

  return std::move(cases).take();
}

}  // namespace mho::testing::ops
