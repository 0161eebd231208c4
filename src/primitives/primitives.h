// Makers of all primitives: the public header of this floor.
#pragma once

#include <optional>

#include "primitives/primitive.h"

namespace mho::primitives {

// --- elementwise.cpp: y = f(x), y = a op b ---
PrimitivePtr make_unary(kernels::UnaryFunction f);
PrimitivePtr make_binary(kernels::Binary f);
/// condition ? a : b; inputs (condition, a, b).
PrimitivePtr make_where();

// --- straight_through.cpp ---
PrimitivePtr make_round_straight_through();  ///< round, with gradient 1

// --- movement.cpp: no arithmetic ---
PrimitivePtr make_reshape(Shape shape);  ///< the final shape, without 0 and -1
PrimitivePtr make_transpose(Shape permutation);
PrimitivePtr make_broadcast(Shape shape);  ///< the final shape
PrimitivePtr make_cast(DType to);          ///< real (kReal), i64 or b8
/// y[k] = x[start + k*step], `extents` elements per axis.
PrimitivePtr make_slice(kernels::Region region, Shape extents);
/// x placed at `begin` inside a tensor of `value` (constant mode); negative entries crop.
PrimitivePtr make_pad(Shape begin, Shape end, double value);
PrimitivePtr make_concat(std::int64_t axis);

// --- gather.cpp ---
PrimitivePtr make_gather(std::int64_t axis);  ///< inputs (x, indices)
/// Adjoint of gather along axis 0: inputs (updates [indices..., rest...], indices); y [rows, rest...] has, at each row,
/// the sum of the updates for it.
PrimitivePtr make_scatter_add(std::int64_t rows);

// --- ordering.cpp: positions, i64 ---
/// Where along `axis` the k largest or smallest elements are, best first.
PrimitivePtr make_top_k(std::int64_t axis, std::int64_t k, bool largest);
/// For each of `rows` the last element of the list of non-negative indices that names it, or -1.
PrimitivePtr make_last_writer(std::int64_t rows);

// --- reduce.cpp ---
/// `axes` sorted and non-negative; reduced axes stay with extent 1 (reshape them away).
PrimitivePtr make_reduce(kernels::ReduceKind kind, Shape axes);

// --- softmax.cpp ---
PrimitivePtr make_softmax(std::int64_t axis);
PrimitivePtr make_log_softmax(std::int64_t axis);

// --- normalization.cpp ---
/// Layer normalization, or RMS normalization, without scale and bias.
PrimitivePtr make_normalization(kernels::NormalizationAttributes attributes);

// --- attention.cpp ---
/// softmax(scale * q k^T + bias) v; inputs (q, k, v) or (q, k, v, bias) with equal batch axes of q, k and v.
PrimitivePtr make_attention(kernels::AttentionAttributes attributes);

// --- matmul.cpp ---
/// Inputs (a, b) or (a, b, bias [columns]).
PrimitivePtr make_matmul(kernels::MatmulAttributes attributes = {}, bool relu = false);

// --- convolution.cpp ---
/// Which optional inputs follow (x, w), and what is fused behind.
struct ConvolutionFusion {
  bool bias = false;
  bool residual = false;  ///< after the bias, if there is one
  bool relu = false;
};
PrimitivePtr make_convolution(kernels::ConvolutionAttributes attributes, ConvolutionFusion fusion);
/// ONNX ConvTranspose without bias; `output_padding` extends the result at the end of each spatial axis.
PrimitivePtr make_convolution_transpose(kernels::ConvolutionAttributes attributes, Shape output_padding);

// --- pooling.cpp ---
PrimitivePtr make_pool_max(kernels::Window window);
PrimitivePtr make_pool_average(kernels::Window window, bool count_include_pad);

// --- reorder.cpp: put in by the Plan only ---
PrimitivePtr make_reorder(kernels::Layout to);

/// One row of `mho ops` for every primitive.
struct PrimitiveFacts {
  std::string_view name;
  std::string_view affine;  ///< "yes", "no", "in one input"
  std::string_view rule;
};
[[nodiscard]] std::span<const PrimitiveFacts> all_primitives();

// --- Casting down, for graph passes that match patterns (nullptr / nullopt where it is another primitive) ---
[[nodiscard]] std::optional<kernels::UnaryFunction> as_unary(const Primitive& p);
[[nodiscard]] std::optional<kernels::Binary> as_binary(const Primitive& p);
struct ConvolutionFacts {
  kernels::ConvolutionAttributes attributes;
  ConvolutionFusion fusion;
};
[[nodiscard]] std::optional<ConvolutionFacts> as_convolution(const Primitive& p);
struct MatmulFacts {
  kernels::MatmulAttributes attributes;
  bool relu = false;
};
[[nodiscard]] std::optional<MatmulFacts> as_matmul(const Primitive& p);
/// The sorted axes.
[[nodiscard]] std::optional<Shape> as_reduce(const Primitive& p, kernels::ReduceKind kind);
/// The axis.
[[nodiscard]] std::optional<std::int64_t> as_softmax(const Primitive& p);

}  // namespace mho::primitives
