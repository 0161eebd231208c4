// The extents of an attention, and where the bias of one score lies.
#pragma once

#include "kernels/device.h"
#include "kernels/reference/strides.h"

namespace mho::kernels {

struct AttentionExtents {
  std::int64_t batch = 1;  ///< independent products: examples times heads
  std::int64_t rows = 0;
  std::int64_t keys = 0;
  std::int64_t size = 0;
  std::int64_t value_size = 0;
  std::span<const std::int64_t> bias_starts{};  ///< per product, in the workspace; empty where there is no bias
  std::int64_t bias_row_stride = 0;
  std::int64_t bias_key_stride = 0;

  AttentionExtents(Workspace& workspace, const AttentionAttributes& attributes, const AttentionOperands& in) {
    const std::size_t rank = in.q.rank();
    const Shape leading(in.q.shape().begin(), in.q.shape().end() - 2);
    batch = element_count(leading);
    rows = in.q.dim(rank - 2);
    size = in.q.dim(rank - 1);
    keys = in.k.dim(attributes.transpose_k ? rank - 2 : rank - 1);
    value_size = in.v.dim(rank - 1);
    if (in.bias.empty()) return;
    Shape scores = leading;
    scores.insert(scores.end(), {rows, keys});
    const Shape strides = broadcast_strides(in.bias.shape(), scores);
    bias_row_stride = strides[rank - 2];
    bias_key_stride = strides[rank - 1];
    const auto starts = workspace.numbers<std::int64_t>(static_cast<std::size_t>(batch), 0);
    std::size_t product = 0;
    for_each_position<1>(leading, {Shape(strides.begin(), strides.end() - 2)},
                         [&](const auto& at) { starts[product++] = at[0]; });
    bias_starts = starts;
  }
  /// The element of the bias that is added to score (row, key) of product b.
  [[nodiscard]] std::int64_t bias_at(std::int64_t b, std::int64_t row, std::int64_t key) const {
    return bias_starts[static_cast<std::size_t>(b)] + row * bias_row_stride + key * bias_key_stride;
  }
};

}  // namespace mho::kernels
