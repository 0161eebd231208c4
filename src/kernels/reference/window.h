// Window geometry of convolution and pooling, with 1-D and 2-D written as 3-D with leading axes of extent 1.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "kernels/device.h"

namespace mho::kernels {

using Extents3 = std::array<std::int64_t, 3>;

struct Window3 {
  Extents3 kernel, strides, dilations, pads_begin, pads_end, overhang;

  explicit Window3(const Window& w)
      : kernel(extend(w.kernel, 1)),
        strides(extend(w.strides, 1)),
        dilations(extend(w.dilations, 1)),
        pads_begin(extend(w.pads_begin, 0)),
        pads_end(extend(w.pads_end, 0)),
        overhang(extend(w.overhang, 0)) {}

  static Extents3 extend(std::span<const std::int64_t> extents, std::int64_t fill) {
    Extents3 result{fill, fill, fill};
    std::copy(extents.begin(), extents.end(), result.end() - static_cast<std::ptrdiff_t>(extents.size()));
    return result;
  }
  /// Spatial extents of a tensor [N, C, spatial...].
  static Extents3 spatial(const Shape& shape) { return extend(std::span(shape).subspan(2), 1); }
  /// Input coordinate of kernel cell k for output o along an axis; may lie outside the input.
  [[nodiscard]] std::int64_t source(std::size_t axis, std::int64_t o, std::int64_t k) const {
    return o * strides[axis] + k * dilations[axis] - pads_begin[axis];
  }
  /// Calls f(input offset or -1 for padding, is_overhang, kernel offset) for all cells of the window at output `o`.
  template <class F>
  void for_each_cell(const Extents3& in, const Extents3& o, F&& f) const {
    std::int64_t kernel_offset = 0;
    for (std::int64_t a = 0; a < kernel[0]; ++a) {
      for (std::int64_t b = 0; b < kernel[1]; ++b) {
        for (std::int64_t c = 0; c < kernel[2]; ++c, ++kernel_offset) {
          const Extents3 at{source(0, o[0], a), source(1, o[1], b), source(2, o[2], c)};
          bool inside = true;
          bool beyond = false;
          for (std::size_t i = 0; i < 3; ++i) {
            inside = inside && at[i] >= 0 && at[i] < in[i];
            beyond = beyond || at[i] >= in[i] + pads_end[i] - overhang[i];
          }
          f(inside ? (at[0] * in[1] + at[1]) * in[2] + at[2] : -1, beyond, kernel_offset);
        }
      }
    }
  }
  /// Calls f(output position, flat output offset) for all output positions.
  template <class F>
  static void for_each_output(const Extents3& out, F&& f) {
    std::int64_t offset = 0;
    for (std::int64_t a = 0; a < out[0]; ++a) {
      for (std::int64_t b = 0; b < out[1]; ++b) {
        for (std::int64_t c = 0; c < out[2]; ++c, ++offset) f(Extents3{a, b, c}, offset);
      }
    }
  }
};

[[nodiscard]] inline std::int64_t volume(const Extents3& e) { return e[0] * e[1] * e[2]; }

}  // namespace mho::kernels
