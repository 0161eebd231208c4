// Window attributes that Conv, ConvTranspose and the pools share.
#include "onnx/compose/window.h"

#include <fmt/format.h>

#include <algorithm>

namespace mho::onnx::ops {

namespace {

/// Of kernel extents, strides, dilations and pads: products and sums of them stay far from overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 24;

Shape attribute_or(const NodeContext& node, std::string_view name, std::size_t size, std::int64_t fill) {
  Shape values = node.attributes.integers(name).value_or(Shape(size, fill));
  if (values.size() != size) {
    node.invalid(fmt::format("{} has {} entries, {} are needed", name, values.size(), size));
  }
  for (const std::int64_t v : values) {
    if (v < 0 || v > kMost) node.invalid(fmt::format("{} {} is out of range", name, to_string(values)));
  }
  return values;
}

}  // namespace

std::size_t spatial_axes_of(const NodeContext& node) {
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 3 || rank > 5) {
    node.unsupported(fmt::format("input {} needs 1 to 3 spatial axes behind [N, C]", to_string(node.shape_of(0))));
  }
  return rank - 2;
}

Shape required_kernel(const NodeContext& node) {
  const auto kernel = node.attributes.integers("kernel_shape");
  if (!kernel) node.invalid("attribute kernel_shape is missing");
  return *kernel;
}

kernels::Window read_window(const NodeContext& node, Shape kernel, std::size_t axes) {
  if (kernel.size() != axes) {
    node.invalid(fmt::format("kernel {} does not fit {} spatial axes", to_string(kernel), axes));
  }
  kernels::Window window{std::move(kernel),
                         attribute_or(node, "strides", axes, 1),
                         attribute_or(node, "dilations", axes, 1),
                         Shape(axes, 0),
                         Shape(axes, 0),
                         {}};
  for (std::size_t i = 0; i < axes; ++i) {
    if (window.kernel[i] < 1 || window.strides[i] < 1 || window.dilations[i] < 1) {
      node.invalid("kernel, strides and dilations must be positive");
    }
    if (window.kernel[i] > kMost) node.invalid(fmt::format("kernel {} is out of range", to_string(window.kernel)));
  }
  const std::string auto_pad = node.attributes.string("auto_pad", "NOTSET");
  if (auto_pad == "NOTSET") {
    const Shape pads = attribute_or(node, "pads", 2 * axes, 0);
    const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(axes);
    window.pads_begin.assign(pads.begin(), middle);
    window.pads_end.assign(middle, pads.end());
  } else if (auto_pad != "VALID" && auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") {
    node.invalid(fmt::format("auto_pad '{}' is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER", auto_pad));
  }
  return window;
}

void apply_auto_pad(const NodeContext& node, kernels::Window& window, const Shape& x) {
  const std::string auto_pad = node.attributes.string("auto_pad", "NOTSET");
  if (auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") return;
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    const std::int64_t in = x[i + 2];
    const std::int64_t out = (in + window.strides[i] - 1) / window.strides[i];
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * window.strides[i] + reach - in);
    const std::int64_t half = total / 2;
    window.pads_begin[i] = auto_pad == "SAME_UPPER" ? half : total - half;
    window.pads_end[i] = total - window.pads_begin[i];
  }
}

void apply_ceil_mode(kernels::Window& window, const Shape& x) {
  window.overhang.assign(window.kernel.size(), 0);
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t free = x[i + 2] + window.pads_begin[i] + window.pads_end[i] - reach;
    if (free < 0) continue;
    std::int64_t out = (free + window.strides[i] - 1) / window.strides[i] + 1;
    if ((out - 1) * window.strides[i] >= x[i + 2] + window.pads_begin[i]) --out;
    window.overhang[i] = std::max<std::int64_t>(0, (out - 1) * window.strides[i] - free);
    window.pads_end[i] += window.overhang[i];
  }
}

kernels::Window pool_window(const NodeContext& node) {
  kernels::Window window = read_window(node, required_kernel(node), spatial_axes_of(node));
  apply_auto_pad(node, window, node.shape_of(0));
  // VALID and SAME_* say themselves how many windows there are.
  const bool explicit_pads = node.attributes.string("auto_pad", "NOTSET") == "NOTSET";
  if (explicit_pads && node.attributes.integer("ceil_mode", 0) != 0) apply_ceil_mode(window, node.shape_of(0));
  return window;
}

}  // namespace mho::onnx::ops
