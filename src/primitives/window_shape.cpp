// Output extents of windows (convolution, pooling), with the checks that untrusted attributes need.
#include "primitives/window_shape.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <limits>

namespace mho::primitives {

void check_window(const kernels::Window& window, std::size_t rank, std::string_view who) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  const std::size_t axes = window.kernel.size();
  const bool ranks_fit = axes >= 1 && axes <= 3 && rank == axes + 2 && window.strides.size() == axes &&
                         window.dilations.size() == axes && window.pads_begin.size() == axes &&
                         window.pads_end.size() == axes && (window.overhang.empty() || window.overhang.size() == axes);
  if (!ranks_fit) {
    throw Error(Code::kInvalidModel,
                fmt::format("{}: an input of rank {} and kernel {} do not fit: 1 to 3 spatial axes behind [N, C], each "
                            "with kernel, stride, dilation and two pads",
                            who, rank, to_string(window.kernel)));
  }
  for (std::size_t i = 0; i < axes; ++i) {
    const auto in_range = [&](std::int64_t v, std::int64_t least, std::int64_t most) {
      return v >= least && v <= most;
    };
    if (!in_range(window.kernel[i], 1, kMost) || !in_range(window.strides[i], 1, kMost) ||
        !in_range(window.dilations[i], 1, kMost) || !in_range(window.pads_begin[i], 0, kMost) ||
        !in_range(window.pads_end[i], 0, kMost) ||
        (!window.overhang.empty() && !in_range(window.overhang[i], 0, window.pads_end[i]))) {
      throw Error(Code::kInvalidModel, fmt::format("{}: an attribute is out of range on spatial axis {} ({})", who, i,
                                                   describe_window(window)));
    }
  }
}

Shape window_output(const kernels::Window& window, const Shape& x, std::string_view who) {
  check_window(window, x.size(), who);
  Shape out(window.kernel.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t padded = x[i + 2] + window.pads_begin[i] + window.pads_end[i];
    if (x[i + 2] < 1 || padded < reach) {
      throw Error(Code::kInvalidModel, fmt::format("{}: the window reaches over {} elements where the padded input {} "
                                                   "has {} on spatial axis {}",
                                                   who, reach, to_string(x), padded, i));
    }
    out[i] = (padded - reach) / window.strides[i] + 1;
  }
  return out;
}

void check_windows_overlap(const kernels::Window& window, const Shape& x, const Shape& output, std::string_view who) {
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    const std::int64_t extent = x[i + 2];
    const std::int64_t dilation = window.dilations[i];
    const auto overlaps = [&](std::int64_t at) {
      const std::int64_t begin = at * window.strides[i] - window.pads_begin[i];
      const std::int64_t skipped = begin < 0 ? (-begin + dilation - 1) / dilation : 0;
      return skipped < window.kernel[i] && begin + skipped * dilation < extent;
    };
    // Windows that begin at an element overlap x; those that begin in the left padding may step over it.
    const std::int64_t last = output[i + 2] - 1;
    bool all = overlaps(last) && overlaps(0);
    // Steps of a dilation that is not above the extent cannot miss x, and the first window reaches least far into it.
    const bool may_miss = dilation > extent;
    constexpr std::int64_t kMostPadded = 1 << 16;
    if (all && may_miss && std::min(last, window.pads_begin[i] / window.strides[i]) > kMostPadded) {
      throw Error(Code::kLimit,
                  fmt::format("{}: more than {} windows begin in the padding of spatial axis {} of {} ({})", who,
                              kMostPadded, i, to_string(x), describe_window(window)));
    }
    for (std::int64_t at = 0; all && may_miss && at < last && at * window.strides[i] < window.pads_begin[i]; ++at) {
      all = overlaps(at);
    }
    if (!all) {
      throw Error(Code::kInvalidModel,
                  fmt::format("{}: a window lies in the padding alone on spatial axis {} of {} ({})", who, i,
                              to_string(x), describe_window(window)));
    }
  }
  if (element_count(Shape(x.begin() + 2, x.end())) > std::numeric_limits<std::int32_t>::max()) {
    throw Error(Code::kLimit, fmt::format("{}: {} has more than 2^31 spatial elements", who, to_string(x)));
  }
}

std::string describe_window(const kernels::Window& w) {
  return fmt::format("kernel {}, strides {}, dilations {}, pads {} {}", to_string(w.kernel), to_string(w.strides),
                     to_string(w.dilations), to_string(w.pads_begin), to_string(w.pads_end));
}

}  // namespace mho::primitives
