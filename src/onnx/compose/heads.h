// Parts of attention operators: heads, masks, rotary positions, the product of scores and values.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

/// What masks add to scores: so low that the softmax is exactly 0, and finite, so that differences stay numbers.
inline constexpr double kMasked = -1e30;

/// [batch, length, heads * size] -> [batch, heads, length, size].
[[nodiscard]] ValueId split_heads(const NodeContext& node, ValueId x, std::int64_t heads);
/// The inverse.
[[nodiscard]] ValueId merge_heads(Builder& build, ValueId x);
/// [batch, heads, ...] -> [batch, heads * times, ...]: every head `times` over, side by side.
[[nodiscard]] ValueId repeat_heads(Builder& build, ValueId x, std::int64_t times);
/// Where `allowed` (booleans, any shape) 0, elsewhere `masked`.
[[nodiscard]] ValueId mask_bias(Builder& build, ValueId allowed, double masked = kMasked);
/// allowed[i, j] = j <= i + offset; offset is a number or per example, then the result is [batch, 1, rows, columns].
[[nodiscard]] ValueId causal(Builder& build, std::int64_t rows, std::int64_t columns, ValueId offset);
/// q k^T of [batch, heads, length, size] tensors, times `scale`.
[[nodiscard]] ValueId scores(Builder& build, ValueId q, ValueId k, double scale);
/// Rotary positions (arXiv 2104.09864) of x [batch, heads, length, size]: the first `rotated` elements are turned by
/// angles with these cosines and sines [batch or 1, 1, length, rotated / 2]; pairs are halves, or neighbours if
/// `interleaved`.
[[nodiscard]] ValueId rotate(Builder& build, ValueId x, ValueId cosines, ValueId sines, std::int64_t rotated,
                             bool interleaved);

}  // namespace mho::onnx::ops
