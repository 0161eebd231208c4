// When Winograd's algorithm (arXiv 1509.09308) does a 3 x 3 convolution in fewer multiplications, and pays.
#pragma once

#include "kernels/device.h"

namespace mho::kernels::cpu {

/// Whether the convolution from x to y, both blocked, is worth trying by Winograd's algorithm. Its sums differ from the
/// direct ones by rounding: 2e-7 to 1e-6 relative for 16 to 512 channels.
[[nodiscard]] bool winograd_pays(const ConvolutionAttributes& attributes, const TensorType& x, const TensorType& y);

/// The convolution that is the adjoint in x of `attributes`, whose strides and dilations are 1: its weights are
/// adjoint_weights(). Nothing where its padding would be negative.
[[nodiscard]] std::optional<ConvolutionAttributes> adjoint_convolution(const ConvolutionAttributes& attributes);

/// to[c, m, k] = from[m, c, K - 1 - k], k running over all K weights of a window.
void adjoint_weights(const Tensor& from, std::span<float> to);

}  // namespace mho::kernels::cpu
