// Upsample 7–9 and Resize 10–19, modes nearest, linear and cubic: along each axis a Gather, or a product with the
// constant matrix of interpolation weights.
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
  double start = 0;  ///< tf_crop_and_resize: the part of the axis that is shown, in [0, 1]
  double end = 1;
};

struct Settings {
  std::string mode;
  std::string coordinates;
  std::string nearest;
  double cubic_a = -0.75;        ///< of Keys' kernel
  bool antialias = false;        ///< kernels are stretched where an axis shrinks
  bool exclude_outside = false;  ///< weights beyond the ends are 0 instead of going to the end
  double extrapolation = 0;      ///< tf_crop_and_resize: what is shown beyond the ends
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
  if (settings.coordinates == "tf_crop_and_resize") {
    if (axis.out == 1) return 0.5 * (axis.start + axis.end) * (in - 1);
    return axis.start * (in - 1) + x * (axis.end - axis.start) * (in - 1) / (out - 1);
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

/// The weight of a pixel at distance d: a tent, or Keys' cubic kernel (IEEE Trans. ASSP 29, 1153).
double kernel(const Settings& settings, double d) {
  d = std::abs(d);
  if (settings.mode != "cubic") return std::max(0.0, 1 - d);
  const double a = settings.cubic_a;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
}

/// Whether tf_crop_and_resize looks beyond the axis there.
bool is_beyond(const Settings& settings, const Axis& axis, double position) {
  return settings.coordinates == "tf_crop_and_resize" && (position < 0 || position > static_cast<double>(axis.in - 1));
}

/// [in, out] weights.
std::vector<double> interpolation(const NodeContext& node, const Settings& settings, const Axis& axis) {
  node.build.expect(element_count({axis.in, axis.out}));
  std::vector<double> weights(static_cast<std::size_t>(axis.in * axis.out), 0.0);
  const double stretch = settings.antialias ? std::min(axis.scale, 1.0) : 1;
  const double reach = (settings.mode == "cubic" ? 2 : 1) / stretch;
  if (reach > static_cast<double>(kMostExtent)) node.unsupported("an axis shrinks too much");
  for (std::int64_t i = 0; i < axis.out; ++i) {
    const double position = source_position(node, settings, axis, i);
    if (is_beyond(settings, axis, position)) continue;
    double sum = 0;
    const auto first = static_cast<std::int64_t>(std::ceil(position - reach));
    const auto last = static_cast<std::int64_t>(std::floor(position + reach));
    for (const bool adding : {false, true}) {
      for (std::int64_t pixel = first; pixel <= last; ++pixel) {
        if (settings.exclude_outside && (pixel < 0 || pixel >= axis.in)) continue;
        const double weight = kernel(settings, (static_cast<double>(pixel) - position) * stretch);
        if (!adding) {
          sum += weight;
        } else if (weight != 0) {
          const std::int64_t from = std::clamp<std::int64_t>(pixel, 0, axis.in - 1);
          weights[static_cast<std::size_t>(from * axis.out + i)] += weight / sum;
        }
      }
    }
  }
  return weights;
}

/// The axis goes last, is multiplied by [in, out] weights, and goes back.
ValueId interpolate(const NodeContext& node, const Settings& settings, ValueId x, std::int64_t which,
                    const Axis& axis) {
  if (element_count({axis.in, axis.out}) > (std::int64_t{1} << 26)) node.unsupported("an axis is too long");
  std::vector<double> weights = interpolation(node, settings, axis);
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

/// What lies beyond an axis of the input is one number.
ValueId extrapolate(const NodeContext& node, const Settings& settings, ValueId x, const std::vector<Axis>& axes) {
  Builder& build = node.build;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    std::vector<std::int64_t> inside;
    for (std::int64_t k = 0; k < axes[i].out; ++k) {
      inside.push_back(!is_beyond(settings, axes[i], source_position(node, settings, axes[i], k)));
    }
    if (std::ranges::find(inside, 0) == inside.end()) continue;
    Shape along(axes.size(), 1);
    along[i] = axes[i].out;
    const ValueId shown = cast(build, build.integers(along, std::move(inside)), DType::b8);
    x = build.apply1(primitives::make_where(),
                     {shown, x, scalar_of(build, build.type(x).dtype, settings.extrapolation)});
  }
  return x;
}

std::vector<ValueId> resize(const NodeContext& node, const Settings& settings, const std::vector<Axis>& axes) {
  ValueId x = node.input(0);
  if (settings.mode != "nearest" && settings.mode != "linear" && settings.mode != "bilinear" &&
      settings.mode != "cubic") {
    node.invalid(fmt::format("'{}' is no mode", settings.mode));
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[i];
    if (axis.in == axis.out && axis.scale == 1 && axis.start == 0 && axis.end == 1) continue;
    if (axis.in < 1 || axis.out < 1 || axis.out > kMostExtent || !(axis.scale > 0)) {
      node.invalid(fmt::format("resizing axis {} from {} to {} makes no sense", i, axis.in, axis.out));
    }
    const auto which = static_cast<std::int64_t>(i);
    x = settings.mode == "nearest" ? resize_nearest(node, settings, x, which, axis)
                                   : interpolate(node, settings, as_real(node.build, x), which, axis);
  }
  if (settings.coordinates == "tf_crop_and_resize") x = extrapolate(node, settings, x, axes);
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
  return resize(node, Settings{node.attributes.string("mode", "nearest"), "asymmetric", "floor"}, axes);
}

std::vector<ValueId> lower_resize(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
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
  settings.cubic_a = node.attributes.real("cubic_coeff_a", -0.75);
  settings.antialias = node.attributes.integer("antialias", 0) != 0;
  settings.exclude_outside = node.attributes.integer("exclude_outside", 0) != 0;
  settings.extrapolation = node.attributes.real("extrapolation_value", 0);
  if (node.opset >= 11) {
    settings.coordinates = node.attributes.string("coordinate_transformation_mode", "half_pixel");
    settings.nearest = node.attributes.string("nearest_mode", "round_prefer_floor");
  }
  if (settings.coordinates == "tf_crop_and_resize") {
    const std::vector<double> roi = node.constant_reals(1, "roi");
    if (roi.size() != 2 * chosen.size()) node.invalid("its roi needs two entries per axis");
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      Axis& axis = axes[static_cast<std::size_t>(chosen[k])];
      axis.start = roi[k], axis.end = roi[k + chosen.size()];
      if (!std::isfinite(axis.start) || !std::isfinite(axis.end)) node.invalid("its roi is not finite");
    }
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
