// Window attributes that Conv, ConvTranspose and the pools share.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

/// kernel_shape, strides, dilations, pads and auto_pad (all but SAME_*) of a node whose input has `spatial_axes`.
[[nodiscard]] kernels::Window read_window(const NodeContext& node, Shape kernel, std::size_t spatial_axes);
/// Sets the pads for auto_pad SAME_UPPER / SAME_LOWER (ceil(in / stride) outputs), for forward windows.
void apply_auto_pad(const NodeContext& node, kernels::Window& window, const Shape& x);
/// ceil_mode: extends pads_end by the overhang of the last window, but starts no window in the end padding.
void apply_ceil_mode(kernels::Window& window, const Shape& x);
/// The window of MaxPool, AveragePool and LpPool, auto_pad and ceil_mode included.
[[nodiscard]] kernels::Window pool_window(const NodeContext& node);
/// The attribute kernel_shape, which must be there.
[[nodiscard]] Shape required_kernel(const NodeContext& node);
/// Spatial axes of input 0 ([N, C, spatial...]).
[[nodiscard]] std::size_t spatial_axes_of(const NodeContext& node);

}  // namespace mho::onnx::ops
