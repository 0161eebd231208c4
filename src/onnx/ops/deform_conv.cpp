// DeformConv 19–22 (arXiv 1703.06211, 1811.11168), two spatial axes: a convolution that reads x where its window is
// plus an offset per element and position, between pixels by linear interpolation, outside as zero; a mask scales what
// is read.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"
#include "onnx/compose/window.h"

namespace mho::onnx::ops {

namespace {

/// One of the two pixels around a place on an axis.
struct Tap {
  ValueId place;   ///< pixel number, inside the image
  ValueId weight;  ///< 0 where the pixel is outside
};

Tap tap(Builder& build, ValueId place, ValueId weight, std::int64_t extent) {
  const auto last = static_cast<double>(extent - 1);
  const ValueId below = binary(build, Binary::less, place, build.scalar(0));
  const ValueId above = binary(build, Binary::greater, place, build.scalar(last));
  const ValueId outside = binary(build, Binary::logical_or, below, above);
  return {cast(build, unary(build, Unary::clip, place, 0, last), DType::i64),
          build.apply1(primitives::make_where(), {outside, build.scalar(0), weight})};
}

std::array<Tap, 2> taps(Builder& build, ValueId place, std::int64_t extent) {
  const ValueId whole = unary(build, Unary::floor, place);
  const ValueId rest = sub(build, place, whole);
  return {tap(build, whole, affine(build, rest, -1, 1), extent), tap(build, affine(build, whole, 1, 1), rest, extent)};
}

struct Sizes {
  std::int64_t examples, channels, height, width, offset_groups, elements, out_height, out_width;
};

/// Where the window's elements would be without offsets: [1, 1, kernel elements, positions].
ValueId window_places(const NodeContext& node, const kernels::Window& window, const Sizes& sizes, std::size_t axis) {
  std::vector<double> places;
  const Shape shape{1, 1, sizes.elements, sizes.out_height * sizes.out_width};
  if (shape[3] > kMostListed / shape[2]) node.unsupported(fmt::format("{} windows of {}", shape[3], shape[2]));
  node.build.expect(element_count(shape));
  for (std::int64_t k = 0; k < sizes.elements; ++k) {
    const std::int64_t element = axis == 0 ? k / window.kernel[1] : k % window.kernel[1];
    for (std::int64_t p = 0; p < shape[3]; ++p) {
      const std::int64_t step = axis == 0 ? p / sizes.out_width : p % sizes.out_width;
      places.push_back(static_cast<double>(step * window.strides[axis] - window.pads_begin[axis] +
                                           element * window.dilations[axis]));
    }
  }
  return node.build.reals(shape, std::move(places));
}

Sizes checked_sizes(const NodeContext& node, const kernels::Window& window, std::int64_t group) {
  const Shape x = node.shape_of(0), w = node.shape_of(1), offset = node.shape_of(2);
  const std::int64_t groups = node.attributes.integer("offset_group", 1);
  const std::int64_t elements = window.kernel[0] * window.kernel[1];
  const bool channels_fit = group >= 1 && groups >= 1 && x[1] % groups == 0 && x[1] % group == 0 && w[0] % group == 0 &&
                            w[1] == x[1] / group && w[2] == window.kernel[0] && w[3] == window.kernel[1];
  Shape out(2);
  bool places_fit = channels_fit && offset.size() == 4 && offset[0] == x[0] && offset[1] % (2 * groups) == 0 &&
                    offset[1] / (2 * groups) == elements && element_count(x) > 0;
  for (std::size_t i = 0; places_fit && i < 2; ++i) {
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const std::int64_t free = x[i + 2] + window.pads_begin[i] + window.pads_end[i] - reach;
    out[i] = free < 0 ? 0 : free / window.strides[i] + 1;
    places_fit = out[i] > 0 && out[i] == offset[i + 2];
  }
  if (!places_fit) {
    node.invalid(fmt::format("weights {} and offsets {} do not fit {}", to_string(w), to_string(offset), to_string(x)));
  }
  return {x[0], x[1], x[2], x[3], groups, elements, out[0], out[1]};
}

std::vector<ValueId> lower_deform_conv(const NodeContext& node) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0), w = node.shape_of(1);
  if (x.size() != 4 || w.size() != 4) node.unsupported("only two spatial axes are");
  const Shape kernel = node.attributes.integers("kernel_shape").value_or(Shape{w[2], w[3]});
  const kernels::Window window = read_window(node, kernel, 2);
  const std::int64_t group = node.attributes.integer("group", 1);
  const Sizes sizes = checked_sizes(node, window, group);
  const std::int64_t positions = sizes.out_height * sizes.out_width;
  const std::int64_t channels = sizes.channels / sizes.offset_groups;
  const Shape places{sizes.examples, sizes.offset_groups, sizes.elements, positions};

  // Rows of the channels that share offsets, so that one gather serves all of them.
  ValueId rows = reshape(build, node.input(0), {x[0], sizes.offset_groups, channels, x[2], x[3]});
  rows = reshape(build, transpose(build, rows, {0, 1, 3, 4, 2}), {x[0] * sizes.offset_groups * x[2] * x[3], channels});
  Shape first = axis_range(0, static_cast<std::size_t>(x[0] * sizes.offset_groups));
  for (std::int64_t& row : first) row *= x[2] * x[3];
  const ValueId base = build.integers({x[0], sizes.offset_groups, 1, 1}, std::move(first));

  Shape paired = places;
  paired.insert(paired.begin() + 3, 2);
  const ValueId offsets = reshape(build, node.input(2), paired);
  const auto place = [&](std::size_t axis) {
    const ValueId moved = drop_axes(build, slice(build, offsets, 3, static_cast<std::int64_t>(axis), 1), {3});
    return add(build, moved, window_places(node, window, sizes, axis));
  };
  ValueId read = kNoValue;
  const auto across = taps(build, place(1), x[3]);
  for (const Tap& down : taps(build, place(0), x[2])) {
    const ValueId line = add(build, base, mul(build, down.place, build.integers({}, {x[3]})));
    for (const Tap& along : across) {
      const ValueId pixels = build.apply1(primitives::make_gather(0), {rows, add(build, line, along.place)});
      ValueId weight = mul(build, down.weight, along.weight);
      weight = reshape(build, weight, {places[0], places[1], places[2], places[3], 1});
      const ValueId part = mul(build, pixels, weight);
      read = read == kNoValue ? part : add(build, read, part);
    }
  }
  if (node.has_input(4)) {
    if (build.type(node.input(4)).elements() != element_count(places)) node.invalid("its mask does not fit");
    read = mul(build, read, reshape(build, node.input(4), {places[0], places[1], places[2], places[3], 1}));
  }
  // [N, offset groups, elements, positions, channels] -> [N, groups, channels and elements, positions]
  const std::int64_t columns = sizes.channels / group * sizes.elements;
  read = reshape(build, transpose(build, read, {0, 1, 4, 2, 3}), {x[0], group, columns, positions});
  const ValueId weights = reshape(build, node.input(1), {1, group, w[0] / group, columns});
  ValueId y = build.apply1(primitives::make_matmul(), {weights, read});
  y = reshape(build, y, {x[0], w[0], sizes.out_height, sizes.out_width});
  if (node.has_input(3)) {
    if (node.shape_of(3) != Shape{w[0]}) node.invalid("its bias does not fit");
    y = add(build, y, per_channel(build, node.input(3), 4));
  }
  return {y};
}

}  // namespace

std::vector<Operator> deform_conv_operators() {
  return {
      {.type = "DeformConv", .since = 19, .lowering = lower_deform_conv},
  };
}

}  // namespace mho::onnx::ops
