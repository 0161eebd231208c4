// Conv (opset 1, 11, 22): 1-D to 3-D, groups, dilations, auto_pad, optional bias.
#include "onnx/compose/window.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_conv(const NodeContext& node) {
  const std::size_t axes = spatial_axes_of(node);
  const Shape& w = node.shape_of(1);
  if (w.size() != axes + 2) node.invalid("weights and input have different ranks");
  kernels::ConvolutionAttributes attributes{read_window(node, Shape(w.begin() + 2, w.end()), axes),
                                            node.attributes.integer("group", 1)};
  apply_auto_pad(node, attributes.window, node.shape_of(0));
  std::vector<ValueId> inputs{node.input(0), node.input(1)};
  const bool bias = node.has_input(2);
  if (bias) inputs.push_back(node.input(2));
  return {node.build.apply1(primitives::make_convolution(std::move(attributes), {bias, false, false}), inputs)};
}

}  // namespace

std::vector<Operator> conv_operators() {
  return {
      {.type = "Conv", .since = 1, .lowering = lower_conv},
  };
}

}  // namespace mho::onnx::ops
