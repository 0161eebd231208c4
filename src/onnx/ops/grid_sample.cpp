// GridSample 16–22: x read at the places of a grid in [-1, 1], between pixels by nearest, linear or cubic interpolation
// (Keys, A = -0.75), outside by zeros, the border, or reflection; AffineGrid 20: such grids from affine maps.
#include <fmt/format.h>

#include <array>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

enum class Mode { kNearest, kLinear, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

/// One tap of the interpolation along one axis.
struct Tap {
  ValueId place;   ///< pixel number, i64, inside the image
  ValueId weight;  ///< 0 where the pixel is outside and padding is zeros
};

class Sampler {
 public:
  explicit Sampler(const NodeContext& node) : node_(node), build_(node.build) {
    const std::string mode = node.attributes.string("mode", node.opset < 20 ? "bilinear" : "linear");
    const std::string padding = node.attributes.string("padding_mode", "zeros");
    if (mode == "nearest") {
      mode_ = Mode::kNearest;
    } else if (mode == "linear" || mode == "bilinear") {
      mode_ = Mode::kLinear;
    } else if (mode == "cubic" || mode == "bicubic") {
      mode_ = Mode::kCubic;
    } else {
      node.invalid(fmt::format("'{}' is no mode", mode));
    }
    if (padding == "zeros") {
      padding_ = Padding::kZeros;
    } else if (padding == "border") {
      padding_ = Padding::kBorder;
    } else if (padding == "reflection") {
      padding_ = Padding::kReflection;
    } else {
      node.invalid(fmt::format("'{}' is no padding mode", padding));
    }
    align_corners_ = node.attributes.integer("align_corners", 0) != 0;
  }

  ValueId run() {
    const Shape x = node_.shape_of(0), grid = node_.shape_of(1);
    const std::size_t axes = x.size() - 2;
    if (x.size() < 3 || grid.size() != x.size() || grid[0] != x[0] || grid.back() != static_cast<std::int64_t>(axes) ||
        axes > 3 || element_count(x) == 0) {
      node_.invalid(fmt::format("grid {} does not fit {}", to_string(grid), to_string(x)));
    }
    if (mode_ == Mode::kCubic && axes == 3) node_.unsupported("cubic interpolation in three dimensions");
    const Shape places(grid.begin(), grid.end() - 1);
    // Rows of channels, so that one gather serves all of them.
    Shape channels_last{0};
    std::int64_t pixels = 1;
    for (std::size_t i = 0; i < axes; ++i) {
      channels_last.push_back(static_cast<std::int64_t>(i) + 2);
      pixels *= x[i + 2];
    }
    channels_last.push_back(1);
    const ValueId rows = reshape(build_, transpose(build_, node_.input(0), channels_last), {x[0] * pixels, x[1]});
    build_.expect(x[0]);
    Shape per_example(places.size(), 1);
    per_example[0] = x[0];
    partial_ = {{build_.integers(per_example, axis_range(0, static_cast<std::size_t>(x[0]))), kNoValue}};
    // The grid's last axis counts the spatial axes from the last one on.
    for (std::size_t i = 0; i < axes; ++i) {
      const auto last = static_cast<std::int64_t>(grid.size()) - 1;
      const ValueId part = slice(build_, node_.input(1), last, static_cast<std::int64_t>(axes - 1 - i), 1);
      extend(taps(reshape(build_, part, places), x[i + 2]), x[i + 2]);
    }
    Shape weight_shape = places;
    weight_shape.push_back(1);
    ValueId sum = kNoValue;
    for (const Tap& tap : partial_) {
      const ValueId read = build_.apply1(primitives::make_gather(0), {rows, broadcast(build_, tap.place, places)});
      const ValueId part = tap.weight == kNoValue ? read : mul(build_, read, reshape(build_, tap.weight, weight_shape));
      sum = sum == kNoValue ? part : add(build_, sum, part);
    }
    Shape channels_second{0, static_cast<std::int64_t>(places.size())};
    for (std::size_t i = 1; i < places.size(); ++i) channels_second.push_back(static_cast<std::int64_t>(i));
    return transpose(build_, sum, channels_second);
  }

 private:
  ValueId number(double value) { return build_.scalar(value); }

  /// All products of what there was with the taps of one more axis of this extent.
  void extend(const std::vector<Tap>& taps, std::int64_t extent) {
    std::vector<Tap> extended;
    for (const Tap& before : partial_) {
      const ValueId scaled = mul(build_, before.place, build_.integers({}, {extent}));
      for (const Tap& tap : taps) {
        const ValueId weight = before.weight == kNoValue ? tap.weight
                               : tap.weight == kNoValue  ? before.weight
                                                         : mul(build_, before.weight, tap.weight);
        extended.push_back({add(build_, scaled, tap.place), weight});
      }
    }
    partial_ = std::move(extended);
  }

  /// Outside [low, high] mirrored at the ends.
  ValueId reflect(ValueId x, double low, double high) {
    const double length = high - low;
    if (length <= 0) return affine(build_, x, 0, low);
    const ValueId from_low = affine(build_, x, 1, -low);
    const ValueId turns = unary(build_, Unary::floor, affine(build_, from_low, 0.5 / length, 0));
    const ValueId inside = sub(build_, from_low, affine(build_, turns, 2 * length, 0));
    const ValueId distance = unary(build_, Unary::abs, affine(build_, inside, 1, -length));
    return affine(build_, distance, -1, length + low);
  }

  std::vector<Tap> taps(ValueId grid, std::int64_t extent) {
    const auto size = static_cast<double>(extent);
    const double low = align_corners_ ? 0 : -0.5, high = align_corners_ ? size - 1 : size - 0.5;
    ValueId x = align_corners_ ? affine(build_, grid, (size - 1) / 2, (size - 1) / 2)
                               : affine(build_, grid, size / 2, (size - 1) / 2);
    if (mode_ == Mode::kNearest) x = unary(build_, Unary::round, x);
    if (padding_ == Padding::kBorder) x = unary(build_, Unary::clip, x, 0, size - 1);
    if (padding_ == Padding::kReflection) x = reflect(x, low, high);
    if (mode_ == Mode::kNearest) return {tap(x, kNoValue, extent, low, high)};
    const ValueId whole = unary(build_, Unary::floor, x);
    const ValueId rest = sub(build_, x, whole);
    if (mode_ == Mode::kLinear) {
      return {tap(whole, affine(build_, rest, -1, 1), extent, low, high),
              tap(affine(build_, whole, 1, 1), rest, extent, low, high)};
    }
    std::vector<Tap> result;
    for (int k = 0; k < 4; ++k) {
      // Distance from pixel whole + k - 1.
      const ValueId distance = k <= 1 ? affine(build_, rest, 1, 1 - k) : affine(build_, rest, -1, k - 1);
      result.push_back(tap(affine(build_, whole, 1, k - 1), keys(distance, k == 1 || k == 2), extent, low, high));
    }
    return result;
  }

  /// Keys' cubic kernel: near, (A+2) d^3 - (A+3) d^2 + 1; far, A d^3 - 5A d^2 + 8A d - 4A.
  ValueId keys(ValueId d, bool near) {
    constexpr double a = -0.75;
    const std::array<double, 4> c = near ? std::array{a + 2, -(a + 3), 0.0, 1.0} : std::array{a, -5 * a, 8 * a, -4 * a};
    ValueId y = affine(build_, d, c[0], c[1]);
    y = affine(build_, mul(build_, y, d), 1, c[2]);
    return affine(build_, mul(build_, y, d), 1, c[3]);
  }

  Tap tap(ValueId place, ValueId weight, std::int64_t extent, double low, double high) {
    const auto last = static_cast<double>(extent - 1);
    if (padding_ == Padding::kZeros) {
      const ValueId below = binary(build_, Binary::less, place, number(0));
      const ValueId above = binary(build_, Binary::greater, place, number(last));
      const ValueId outside = binary(build_, Binary::logical_or, below, above);
      if (weight == kNoValue) weight = number(1);
      weight = build_.apply1(primitives::make_where(), {outside, number(0), weight});
    } else if (padding_ == Padding::kReflection) {
      place = unary(build_, Unary::round, reflect(place, low, high));
    }
    return {cast(build_, unary(build_, Unary::clip, place, 0, last), DType::i64), weight};
  }

  const NodeContext& node_;
  Builder& build_;
  Mode mode_ = Mode::kLinear;
  Padding padding_ = Padding::kZeros;
  bool align_corners_ = false;
  std::vector<Tap> partial_;  // of the axes so far; the first axis is that of examples
};

std::vector<ValueId> lower_grid_sample(const NodeContext& node) { return {Sampler(node).run()}; }

/// grid[n, place] = theta[n] (place, 1), places in [-1, 1] in the order x, y (, z).
std::vector<ValueId> lower_affine_grid(const NodeContext& node) {
  Builder& build = node.build;
  const Shape theta = node.shape_of(0);
  const std::vector<std::int64_t> size = node.constant_integers(1, "size");
  const std::size_t axes = size.size() < 2 ? 0 : size.size() - 2;
  const auto rows = static_cast<std::int64_t>(axes);
  if ((axes != 2 && axes != 3) || theta != Shape{size[0], rows, rows + 1}) {
    node.invalid(fmt::format("theta {} for a size of {} numbers", to_string(theta), size.size()));
  }
  for (const std::int64_t extent : size) {
    if (extent < 1) node.invalid(fmt::format("an extent of {}", extent));
  }
  const Shape spatial(size.begin() + 2, size.end());
  checked_size(node, spatial);
  const bool align_corners = node.attributes.integer("align_corners", 0) != 0;
  const std::int64_t places = element_count(spatial);
  std::vector<double> base;
  for (std::int64_t flat = 0; flat < places; ++flat) {
    std::int64_t rest = flat;
    for (std::size_t i = axes; i-- > 0;) {  // x is the last axis
      const auto extent = static_cast<double>(spatial[i]);
      const auto at = static_cast<double>(rest % spatial[i]);
      rest /= spatial[i];
      if (align_corners) {
        base.push_back(spatial[i] > 1 ? 2 * at / (extent - 1) - 1 : 0);
      } else {
        base.push_back((2 * at + 1) / extent - 1);
      }
    }
    base.push_back(1);
  }
  const ValueId points = build.reals({places, rows + 1}, std::move(base));
  const ValueId grid = build.apply1(primitives::make_matmul({false, true}), {points, node.input(0)});
  Shape result{size[0]};
  result.insert(result.end(), spatial.begin(), spatial.end());
  result.push_back(rows);
  return {reshape(build, grid, result)};
}

}  // namespace

std::vector<Operator> grid_sample_operators() {
  return {
      {.type = "AffineGrid", .since = 20, .lowering = lower_affine_grid},
      {.type = "GridSample", .since = 16, .lowering = lower_grid_sample},
  };
}

}  // namespace mho::onnx::ops
