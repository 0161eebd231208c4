// RoiAlign 10–22 (arXiv 1703.06870): regions of x cut into bins, and every bin the mean or the maximum of samples
// between pixels. Interpolation is linear along each axis, so a region is two products with matrices [samples, pixels].
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

constexpr std::int64_t kMostSamples = 1 << 16;

class Regions {
 public:
  explicit Regions(const NodeContext& node) : node_(node), build_(node.build) {
    const std::string mode = node.attributes.string("mode", "avg");
    const std::string corners =
        node.attributes.string("coordinate_transformation_mode", node.opset < 16 ? "output_half_pixel" : "half_pixel");
    if (mode != "avg" && mode != "max") node.invalid(fmt::format("'{}' is no mode", mode));
    if (corners != "half_pixel" && corners != "output_half_pixel") {
      node.invalid(fmt::format("'{}' is no coordinate_transformation_mode", corners));
    }
    maximum_ = mode == "max";
    half_pixel_ = corners == "half_pixel";
    scale_ = node.attributes.real("spatial_scale", 1);
    sampling_ratio_ = node.attributes.integer("sampling_ratio", 0);
  }

  ValueId run() {
    const Shape x = node_.shape_of(0), rois = node_.shape_of(1);
    const std::int64_t height = node_.attributes.integer("output_height", 1);
    const std::int64_t width = node_.attributes.integer("output_width", 1);
    if (x.size() != 4 || rois.size() != 2 || rois[1] != 4 || node_.shape_of(2) != Shape{rois[0]} ||
        element_count(x) == 0 || sampling_ratio_ < 0) {
      node_.invalid(fmt::format("regions {} do not fit {}", to_string(rois), to_string(x)));
    }
    const std::int64_t count = rois[0], channels = x[1];
    const ValueId rows = samples(1, x[2], height), columns = samples(0, x[3], width);
    const std::int64_t down = build_.type(rows).shape[1], across = build_.type(columns).shape[1];
    const ValueId examples = counted_from_start(node_, node_.input(2), x[0], x[0]);
    ValueId y = build_.apply1(primitives::make_gather(0), {node_.input(0), examples});
    y = reshape(build_, y, {count, channels * x[2], x[3]});
    y = build_.apply1(primitives::make_matmul({false, true}), {y, columns});
    y = transpose(build_, reshape(build_, y, {count, channels, x[2], across}), {0, 2, 1, 3});
    y = reshape(build_, y, {count, x[2], channels * across});
    y = build_.apply1(primitives::make_matmul(), {rows, y});
    y = reshape(build_, y, {count, height, down / height, channels, width, across / width});
    if (maximum_) y = reduce(build_, kernels::ReduceKind::max, y, {2, 5});
    return transpose(build_, reshape(build_, y, {count, height, channels, width}), {0, 2, 1, 3});
  }

 private:
  /// Of all regions on the axis whose corners are columns `column` and `column` + 2 of the regions: the matrices
  /// [regions, samples, pixels]. Means are taken here, a maximum takes the two pixels around a place apart.
  ValueId samples(std::int64_t column, std::int64_t pixels, std::int64_t bins) {
    const double shift = half_pixel_ ? -0.5 : 0;
    const ValueId first = affine(build_, slice(build_, node_.input(1), 1, column, 1), scale_, shift);
    const ValueId last = affine(build_, slice(build_, node_.input(1), 1, column + 2, 1), scale_, shift);
    ValueId length = sub(build_, last, first);
    if (!half_pixel_) length = binary(build_, Binary::max, length, build_.scalar(1));
    if (bins < 1 || bins > kMostSamples) node_.invalid(fmt::format("{} bins", bins));
    const std::vector<std::int64_t> per_bin = samples_per_bin(length, bins);
    std::int64_t most = 1;
    for (const std::int64_t n : per_bin) most = std::max(most, n);
    if (most > kMostSamples / bins) node_.unsupported(fmt::format("{} samples along one axis", most));
    if (static_cast<std::int64_t>(per_bin.size()) > kMostListed / (bins * most)) {
      node_.unsupported(fmt::format("{} samples in each of {} regions", bins * most, per_bin.size()));
    }
    const ValueId weights = sample_weights(per_bin, bins, most);
    const ValueId place = add(build_, first, mul(build_, length, fractions(per_bin, bins, most)));
    // Further than a pixel outside a sample counts as zero, nearer as the border.
    const auto end = static_cast<double>(pixels - 1);
    const ValueId outside = binary(build_, Binary::logical_or, binary(build_, Binary::less, place, build_.scalar(-1)),
                                   binary(build_, Binary::greater, place, build_.scalar(end + 1)));
    const ValueId weight = build_.apply1(primitives::make_where(), {outside, build_.scalar(0), weights});
    const std::int64_t count = build_.type(weight).shape[0], all = bins * most;
    checked_size(node_, {count, all, pixels});
    const ValueId near = reshape(build_, unary(build_, Unary::clip, place, 0, end), {count, all, 1});
    const ValueId pixel = build_.integers({1, 1, pixels}, axis_range(0, static_cast<std::size_t>(pixels)));
    const ValueId distance = unary(build_, Unary::abs, sub(build_, near, as_real(build_, pixel)));
    ValueId matrix = unary(build_, Unary::relu, affine(build_, distance, -1, 1));
    matrix = mul(build_, matrix, reshape(build_, weight, {count, all, 1}));
    if (!maximum_) {
      matrix = reduce(build_, kernels::ReduceKind::sum, reshape(build_, matrix, {count, bins, most, pixels}), {2});
      return reshape(build_, matrix, {count, bins, pixels});
    }
    const ValueId lower = binary(build_, Binary::equal, unary(build_, Unary::floor, near), as_real(build_, pixel));
    const ValueId below = mul(build_, matrix, as_real(build_, lower));
    const ValueId both = build_.apply1(primitives::make_concat(2),
                                       {reshape(build_, below, {count, all, 1, pixels}),
                                        reshape(build_, sub(build_, matrix, below), {count, all, 1, pixels})});
    return reshape(build_, both, {count, 2 * all, pixels});
  }

  /// One number for all regions, or one for each where it follows from their size.
  std::vector<std::int64_t> samples_per_bin(ValueId length, std::int64_t bins) {
    if (sampling_ratio_ > 0) return {sampling_ratio_};
    const auto lengths = build_.reals_of(length);
    if (!lengths) node_.unsupported("with sampling_ratio 0 its regions must be constants: they say how many samples");
    std::vector<std::int64_t> result;
    for (const double l : *lengths) {
      const double n = std::ceil(l / static_cast<double>(bins));
      if (!(n < static_cast<double>(kMostSamples))) node_.unsupported(fmt::format("a region of length {}", l));
      result.push_back(static_cast<std::int64_t>(std::max(n, 0.0)));
    }
    return result;
  }

  /// Where the samples are, as fractions of the region. What is beyond a region's number repeats its last sample.
  ValueId fractions(const std::vector<std::int64_t>& per_bin, std::int64_t bins, std::int64_t most) {
    std::vector<double> result;
    for (const std::int64_t n : per_bin) {
      const auto samples = static_cast<double>(std::max<std::int64_t>(n, 1));
      for (std::int64_t bin = 0; bin < bins; ++bin) {
        for (std::int64_t i = 0; i < most; ++i) {
          const double sample = std::min(static_cast<double>(i), samples - 1);
          result.push_back((static_cast<double>(bin) + (sample + 0.5) / samples) / static_cast<double>(bins));
        }
      }
    }
    return build_.reals({static_cast<std::int64_t>(per_bin.size()), bins * most}, std::move(result));
  }

  ValueId sample_weights(const std::vector<std::int64_t>& per_bin, std::int64_t bins, std::int64_t most) {
    std::vector<double> result;
    for (const std::int64_t n : per_bin) {
      const double mean = n > 0 ? 1 / static_cast<double>(n) : 0;
      for (std::int64_t i = 0; i < bins * most; ++i) {
        if (maximum_) {
          result.push_back(n > 0 ? 1 : 0);
        } else {
          result.push_back(i % most < n ? mean : 0);
        }
      }
    }
    return build_.reals({static_cast<std::int64_t>(per_bin.size()), bins * most}, std::move(result));
  }

  const NodeContext& node_;
  Builder& build_;
  bool maximum_ = false, half_pixel_ = true;
  double scale_ = 1;
  std::int64_t sampling_ratio_ = 0;
};

std::vector<ValueId> lower_roi_align(const NodeContext& node) { return {Regions(node).run()}; }

}  // namespace

std::vector<Operator> roi_align_operators() {
  return {
      {.type = "RoiAlign", .since = 10, .lowering = lower_roi_align},
  };
}

}  // namespace mho::onnx::ops
