// Output extents of windows (convolution, pooling), with the checks that untrusted attributes need.
#pragma once

#include <string_view>

#include "primitives/primitive.h"

namespace mho::primitives {

/// Spatial extents of the output for an input [N, C, spatial...]. Throws Error(kInvalidModel) naming `who` where the
/// window's rank does not fit, an attribute is out of range or the window is larger than the padded input.
[[nodiscard]] Shape window_output(const kernels::Window& window, const Shape& x, std::string_view who);

/// Throws Error(kInvalidModel) unless the window has `rank - 2` axes and every attribute is in range.
void check_window(const kernels::Window& window, std::size_t rank, std::string_view who);

/// For pooling: every window must lie over at least one element of x, and positions must fit i32.
void check_windows_overlap(const kernels::Window& window, const Shape& x, const Shape& output, std::string_view who);

[[nodiscard]] std::string describe_window(const kernels::Window& window);

}  // namespace mho::primitives
