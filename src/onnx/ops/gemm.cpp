// Gemm (opset 7–13): alpha op(A) op(B) + beta C, with C broadcast.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gemm(const NodeContext& node) {
  Builder& build = node.build;
  const double alpha = node.attributes.real("alpha", 1);
  const double beta = node.attributes.real("beta", 1);
  const kernels::MatmulAttributes attributes{node.attributes.integer("transA", 0) != 0,
                                             node.attributes.integer("transB", 0) != 0};
  if (node.shape_of(0).size() != 2 || node.shape_of(1).size() != 2) node.invalid("A and B must be matrices");
  const ValueId b = alpha == 1 ? node.input(1) : affine(build, node.input(1), alpha, 0);
  const auto matmul = primitives::make_matmul(attributes);
  if (!node.has_input(2) || beta == 0) return {build.apply1(matmul, {node.input(0), b})};

  ValueId c = beta == 1 ? node.input(2) : affine(build, node.input(2), beta, 0);
  const std::int64_t columns = node.shape_of(1)[attributes.transpose_b ? 0 : 1];
  if (build.type(c).elements() == columns && !build.type(c).shape.empty() && build.type(c).shape.back() == columns) {
    c = reshape(build, c, {columns});
    return {build.apply1(matmul, {node.input(0), b, c})};
  }
  return {binary(build, Binary::add, build.apply1(matmul, {node.input(0), b}), c)};
}

}  // namespace

std::vector<Operator> gemm_operators() {
  return {
      {.type = "Gemm", .since = 1, .lowering = lower_gemm},
  };
}

}  // namespace mho::onnx::ops
