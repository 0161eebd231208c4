// When Winograd's algorithm does a convolution, and with which tiles.
#pragma once

#include <optional>

#include "kernels/cpu/winograd_tiles.h"
#include "kernels/device.h"

namespace mho::kernels::cpu {

/// The tiles with which the convolution from x to y is faster than directly; nothing where it is not, or cannot be
/// done. By the shapes of one example, so that results depend on neither batch nor threads.
[[nodiscard]] std::optional<Tile> winograd_tile(const ConvolutionAttributes& attributes, const TensorType& x,
                                                const TensorType& y);

}  // namespace mho::kernels::cpu
