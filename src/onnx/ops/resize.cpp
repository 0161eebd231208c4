// Upsample 7–9 and Resize 10–19, modes nearest and linear: along each axis a Gather, or a product with the constant
// matrix of interpolation weights.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

constexpr std::int64_t kMostExtent = std::int64_t{1} << 20;

struct Axis {
  std::int64_t in = 1;
  std::int64_t out = 1;
  double scale = 1;
};

struct Settings {
  std::string mode;
  std::string coordinates;
  std::string nearest;
};

/// Where output position `i` lies in the input.
double source_position(const NodeContext& node, const Settings& settings, const Axis& axis, std::int64_t i) {
  const auto x = static_cast<double>(i);
  const auto out = static_cast<double>(axis.out);
  const auto in = static_cast<double>(axis.in);
  if (settings.coordinates == "asymmetric") return x / axis.scale;
  if (settings.coordinates == "align_corners") return axis.out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (settings.coordinates == "half_pixel") return (x + 0.5) / axis.scale - 0.5;
  if (settings.coordinates == "pytorch_half_pixel") return axis.out == 1 ? 0 : (x + 0.5) / axis.scale - 0.5;
  if (settings.coordinates == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  if (settings.coordinates == "half_pixel_symmetric") {
    const double adjustment = out / (axis.scale * in);
    return in / 2 * (1 - adjustment) + (x + 0.5) / axis.scale - 0.5;
  }
  node.unsupported(fmt::format("coordinate_transformation_mode '{}' is not available", settings.coordinates));
}

double nearest(const NodeContext& node, const Settings& settings, double position) {
  if (settings.nearest == "round_prefer_floor") return std::ceil(position - 0.5);
  if (settings.nearest == "round_prefer_ceil") return std::floor(position + 0.5);
  if (settings.nearest == "floor") return std::floor(position);
  if (settings.nearest == "ceil") return std::ceil(position);
  node.invalid(fmt::format("unknown nearest_mode '{}'", settings.nearest));
}

ValueId resize_nearest(const NodeContext& node, const Settings& settings, ValueId x, std::int64_t which,
                       const Axis& axis) {
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < axis.out; ++i) {
    const double position = nearest(node, settings, source_position(node, settings, axis, i));
    positions.push_back(static_cast<std::int64_t>(std::clamp(position, 0.0, static_cast<double>(axis.in - 1))));
  }
  return take(node.build, x, which, std::move(positions));
}

/// The axis goes last, is multiplied by [in, out] weights, and goes back.
ValueId resize_linear(const NodeContext& node, const Settings& settings, ValueId x, std::int64_t which,
                      const Axis& axis) {
  if (element_count({axis.in, axis.out}) > (std::int64_t{1} << 26)) node.unsupported("an axis is too long");
  std::vector<double> weights(static_cast<std::size_t>(axis.in * axis.out), 0.0);
  const auto weight = [&](std::int64_t from, std::int64_t to) -> double& {
    return weights[static_cast<std::size_t>(std::clamp<std::int64_t>(from, 0, axis.in - 1) * axis.out + to)];
  };
  for (std::int64_t i = 0; i < axis.out; ++i) {
    const double position = std::clamp(source_position(node, settings, axis, i), 0.0, static_cast<double>(axis.in - 1));
    const auto left = static_cast<std::int64_t>(std::floor(position));
    const double share = position - static_cast<double>(left);
    weight(left, i) += 1 - share;
    weight(left + 1, i) += share;
  }
  Builder& build = node.build;
  Shape swap = axis_range(0, build.type(x).shape.size());
  std::swap(swap[static_cast<std::size_t>(which)], swap.back());
  const ValueId rows = transpose(build, x, swap);
  Shape shape = build.type(rows).shape;
  const ValueId matrix = reshape(build, rows, {element_count(shape) / axis.in, axis.in});
  const ValueId product =
      build.apply1(primitives::make_matmul(), {matrix, build.reals({axis.in, axis.out}, std::move(weights))});
  shape.back() = axis.out;
  return transpose(build, reshape(build, product, shape), swap);
}

std::vector<ValueId> resize(const NodeContext& node, const Settings& settings, const std::vector<Axis>& axes) {
  ValueId x = node.input(0);
  if (settings.mode != "nearest" && settings.mode != "linear" && settings.mode != "bilinear") {
    node.unsupported(fmt::format("mode '{}' is not available; nearest and linear are", settings.mode));
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[i];
    if (axis.in == axis.out && axis.scale == 1) continue;
    if (axis.in < 1 || axis.out < 1 || axis.out > kMostExtent || !(axis.scale > 0)) {
      node.invalid(fmt::format("resizing axis {} from {} to {} makes no sense", i, axis.in, axis.out));
    }
    const auto which = static_cast<std::int64_t>(i);
    x = settings.mode == "nearest" ? resize_nearest(node, settings, x, which, axis)
                                   : resize_linear(node, settings, as_real(node.build, x), which, axis);
  }
  return {x};
}

Axis scaled_axis(const NodeContext& node, std::int64_t in, double scale) {
  if (!(scale > 0) || scale > static_cast<double>(kMostExtent)) {
    node.invalid(fmt::format("a scale of {} makes no sense", scale));
  }
  return {in, static_cast<std::int64_t>(std::floor(static_cast<double>(in) * scale)), scale};
}

std::vector<ValueId> lower_upsample(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const std::vector<double> scales = node.opset >= 9 || node.has_input(1)
                                         ? node.constant_reals(1, "scales")
                                         : node.attributes.reals("scales").value_or(std::vector<double>{});
  if (scales.size() != shape.size()) node.invalid("its scales need one entry per axis");
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < shape.size(); ++i) axes.push_back(scaled_axis(node, shape[i], scales[i]));
  return resize(node, {node.attributes.string("mode", "nearest"), "asymmetric", "floor"}, axes);
}

std::vector<ValueId> lower_resize(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  if (node.attributes.integer("antialias", 0) != 0) node.unsupported("antialias is not available");
  const std::size_t scales_at = node.opset >= 11 ? 2 : 1;
  Shape chosen = axis_range(0, shape.size());
  if (const auto given = node.attributes.integers("axes")) {
    normalized_axes(node, *given, shape.size());
    chosen.clear();
    for (const std::int64_t axis : *given) chosen.push_back(node.normalized_axis(axis, shape.size()));
  }
  std::vector<Axis> axes;
  for (const std::int64_t extent : shape) axes.push_back({extent, extent, 1});
  std::vector<double> scales;
  if (node.has_input(scales_at)) scales = node.constant_reals(scales_at, "scales");
  if (!scales.empty()) {
    if (scales.size() != chosen.size()) node.invalid("its scales need one entry per axis");
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const auto i = static_cast<std::size_t>(chosen[k]);
      axes[i] = scaled_axis(node, shape[i], scales[k]);
    }
  } else {
    const std::vector<std::int64_t> sizes = node.constant_integers(3, "sizes");
    if (sizes.size() != chosen.size()) node.invalid("its sizes need one entry per axis");
    const std::string policy = node.attributes.string("keep_aspect_ratio_policy", "stretch");
    double common = policy == "not_smaller" ? 0 : 1e300;
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const auto i = static_cast<std::size_t>(chosen[k]);
      if (shape[i] < 1 || sizes[k] < 1) node.invalid("an axis is empty");
      const double scale = static_cast<double>(sizes[k]) / static_cast<double>(shape[i]);
      axes[i] = {shape[i], sizes[k], scale};
      common = policy == "not_smaller" ? std::max(common, scale) : std::min(common, scale);
    }
    if (policy != "stretch") {
      for (const std::int64_t axis : chosen) {
        const auto i = static_cast<std::size_t>(axis);
        axes[i].scale = common;
        const double out = std::floor(common * static_cast<double>(shape[i]) + 0.5);
        axes[i].out = static_cast<std::int64_t>(std::min(out, 2.0 * static_cast<double>(kMostExtent)));
      }
    }
  }
  Settings settings{node.attributes.string("mode", "nearest"), "asymmetric", "floor"};
  if (node.opset >= 11) {
    settings.coordinates = node.attributes.string("coordinate_transformation_mode", "half_pixel");
    settings.nearest = node.attributes.string("nearest_mode", "round_prefer_floor");
  }
  return resize(node, settings, axes);
}

}  // namespace

std::vector<Operator> resize_operators() {
  return {
      {.type = "Resize", .since = 10, .lowering = lower_resize},
      {.type = "Upsample", .since = 7, .lowering = lower_upsample},
  };
}

}  // namespace mho::onnx::ops
