#include "primitives/window_shape.h"

#include <fmt/format.h>
#include <mho/error.h>

namespace mho::primitives {

Shape window_output(const kernels::Window& window, const Shape& x, std::string_view who) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const std::size_t axes = window.kernel.size();
  const bool ranks_fit = axes >= 1 && axes <= 3 && x.size() == axes + 2 && window.strides.size() == axes &&
                         window.dilations.size() == axes && window.pads_begin.size() == axes &&
                         window.pads_end.size() == axes;
  if (!ranks_fit) {
    throw Error(
        Code::kInvalidModel,
        fmt::format("{}: input {} and kernel {} do not fit: 1 to 3 spatial axes behind [N, C], each with kernel, "
                    "stride, dilation and two pads",
                    who, to_string(x), to_string(window.kernel)));
  }
  Shape out(axes);
  for (std::size_t i = 0; i < axes; ++i) {
    const auto in_range = [&](std::int64_t v, std::int64_t least) { return v >= least && v <= kMost; };
    if (!in_range(window.kernel[i], 1) || !in_range(window.strides[i], 1) || !in_range(window.dilations[i], 1) ||
        !in_range(window.pads_begin[i], 0) || !in_range(window.pads_end[i], 0) || !in_range(x[i + 2], 0)) {
      throw Error(Code::kInvalidModel, fmt::format("{}: an attribute is out of range on spatial axis {} ({})", who, i,
                                                   describe_window(window)));
    }
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t padded = x[i + 2] + window.pads_begin[i] + window.pads_end[i];
    if (padded < reach) {
      throw Error(Code::kInvalidModel, fmt::format("{}: the window reaches over {} elements where the padded input {} "
                                                   "has {} on spatial axis {}",
                                                   who, reach, to_string(x), padded, i));
    }
    out[i] = (padded - reach) / window.strides[i] + 1;
  }
  return out;
}

std::string describe_window(const kernels::Window& w) {
  return fmt::format("kernel {}, strides {}, dilations {}, pads {} {}", to_string(w.kernel), to_string(w.strides),
                     to_string(w.dilations), to_string(w.pads_begin), to_string(w.pads_end));
}

}  // namespace mho::primitives
