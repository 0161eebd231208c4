// LRN (opset 1, 13): x / (bias + alpha/size * sum of squares over `size` neighbouring channels)^beta.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

// The window over channels is an average pool (padding counted) over [N, 1, C, rest].
std::vector<ValueId> lower_lrn(const NodeContext& node) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0);
  const std::int64_t size = node.attributes.integer("size", 0);
  if (size < 1 || size > (1 << 20)) node.invalid("attribute size must be positive");
  if (x.size() < 2) node.invalid("input needs at least the axes [N, C]");
  const double alpha = node.attributes.real("alpha", 1e-4);
  const double beta = node.attributes.real("beta", 0.75);
  const double bias = node.attributes.real("bias", 1);
  const std::int64_t rest = element_count(Shape(x.begin() + 2, x.end()));
  const kernels::Window window{{size, 1}, {1, 1}, {1, 1}, {(size - 1) / 2, 0}, {size / 2, 0}, {}};
  const ValueId flat = reshape(build, square(build, node.input(0)), {x[0], 1, x[1], rest});
  const ValueId mean = build.apply1(primitives::make_pool_average(window, true), {flat});
  const ValueId base = affine(build, reshape(build, mean, x), alpha, bias);
  return {binary(build, Binary::mul, node.input(0), unary(build, {Unary::pow, -beta, 0}, base))};
}

}  // namespace

std::vector<Operator> lrn_operators() {
  return {
      {.type = "LRN", .since = 1, .lowering = lower_lrn},
  };
}

}  // namespace mho::onnx::ops
