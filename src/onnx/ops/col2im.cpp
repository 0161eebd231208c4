// Col2Im 18: blocks of an image summed back to their places; MaxUnpool 9–22: values put where MaxPool found them.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"
#include "onnx/compose/window.h"

namespace mho::onnx::ops {

namespace {

/// For every element of a block and every block, in this order, its place in the padded image.
std::vector<std::int64_t> block_places(const Shape& padded, const Shape& block, const Shape& counts,
                                       const Shape& strides, const Shape& dilations) {
  std::vector<std::int64_t> places;
  const std::int64_t inside = element_count(block), blocks = element_count(counts);
  for (std::int64_t e = 0; e < inside; ++e) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      std::int64_t rest_e = e, rest_b = b, place = 0, stride = 1;
      for (std::size_t i = padded.size(); i-- > 0;) {
        place += (rest_b % counts[i] * strides[i] + rest_e % block[i] * dilations[i]) * stride;
        rest_e /= block[i];
        rest_b /= counts[i];
        stride *= padded[i];
      }
      places.push_back(place);
    }
  }
  return places;
}

std::vector<ValueId> lower_col2im(const NodeContext& node) {
  Builder& build = node.build;
  const Shape columns = node.shape_of(0);
  const std::vector<std::int64_t> image = node.constant_integers(1, "image_shape");
  const std::vector<std::int64_t> block = node.constant_integers(2, "block_shape");
  const std::size_t axes = image.size();
  const auto list = [&](const char* name, std::size_t count, std::int64_t otherwise) {
    const auto values = node.attributes.integers(name).value_or(std::vector<std::int64_t>(count, otherwise));
    if (values.size() != count) node.invalid(fmt::format("'{}' has {} numbers", name, values.size()));
    for (const std::int64_t v : values) {
      if (v < otherwise || v > (std::int64_t{1} << 26)) node.invalid(fmt::format("'{}' has a {}", name, v));
    }
    return values;
  };
  const auto strides = list("strides", axes, 1), dilations = list("dilations", axes, 1),
             pads = list("pads", 2 * axes, 0);
  if (columns.size() != 3 || axes < 1 || axes > 3 || block.size() != axes) node.invalid("its shapes do not fit");
  Shape padded(axes), counts(axes);
  for (std::size_t i = 0; i < axes; ++i) {
    constexpr std::int64_t kMost = std::int64_t{1} << 26;
    if (image[i] < 1 || block[i] < 1 || image[i] > kMost || block[i] > kMost) node.invalid("an extent is out of range");
    padded[i] = image[i] + pads[i] + pads[i + axes];
    const std::int64_t reach = dilations[i] * (block[i] - 1) + 1;
    if (reach > padded[i]) node.invalid("a block is larger than the image");
    counts[i] = (padded[i] - reach) / strides[i] + 1;
  }
  checked_size(node, Shape(block.begin(), block.end()));
  checked_size(node, counts);
  const std::int64_t inside = element_count(block), blocks = element_count(counts);
  if (columns[1] % inside != 0 || columns[2] != blocks) {
    node.invalid(fmt::format("{} instead of {} blocks of {}", to_string(columns), blocks, inside));
  }
  checked_size(node, padded);
  const std::int64_t channels = columns[1] / inside;
  const std::int64_t count = element_count({inside, blocks});
  build.expect(count);
  const ValueId apart = reshape(build, node.input(0), {columns[0] * channels, count});
  const ValueId places = build.integers({count}, block_places(padded, block, counts, strides, dilations));
  const ValueId sums =
      build.apply1(primitives::make_scatter_add(element_count(padded)), {transpose(build, apart, {1, 0}), places});
  Shape shape{columns[0], channels};
  shape.insert(shape.end(), padded.begin(), padded.end());
  ValueId y = reshape(build, transpose(build, sums, {1, 0}), shape);
  for (std::size_t i = 0; i < axes; ++i) y = slice(build, y, static_cast<std::int64_t>(i) + 2, pads[i], image[i]);
  return {y};
}

std::vector<ValueId> lower_max_unpool(const NodeContext& node) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0);
  const std::size_t axes = spatial_axes_of(node);
  const kernels::Window window = read_window(node, required_kernel(node), axes);
  if (node.shape_of(1) != x) node.invalid("its indices have another shape than its values");
  Shape inferred{x[0], x[1]};
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t extent =
        (x[i + 2] - 1) * window.strides[i] - window.pads_begin[i] - window.pads_end[i] + window.kernel[i];
    if (extent < 1) node.invalid("its result would be empty");
    inferred.push_back(extent);
  }
  checked_size(node, inferred);
  const std::int64_t size = element_count(inferred), count = element_count(x);
  const ValueId places = counted_from_start(node, reshape(build, node.input(1), {count}), size, size);
  const ValueId zeros = broadcast(build, build.scalar(0), {size});
  ValueId y =
      reshape(build, scatter_rows(node, zeros, places, reshape(build, node.input(0), {count}), "none"), inferred);
  if (!node.has_input(2)) return {y};
  const std::vector<std::int64_t> wanted = node.constant_integers(2, "output_shape");
  if (wanted.size() != inferred.size()) node.invalid("its output_shape has another rank");
  Shape behind(inferred.size());
  for (std::size_t i = 0; i < inferred.size(); ++i) {
    behind[i] = wanted[i] - inferred[i];
    if (behind[i] < 0) node.invalid("its output_shape is smaller than what the window covers");
  }
  checked_size(node, Shape(wanted.begin(), wanted.end()));
  return {build.apply1(primitives::make_pad(Shape(inferred.size(), 0), behind, 0), {y})};
}

}  // namespace

std::vector<Operator> col2im_operators() {
  return {
      {.type = "Col2Im", .since = 18, .lowering = lower_col2im},
      {.type = "MaxUnpool", .since = 9, .lowering = lower_max_unpool},
  };
}

}  // namespace mho::onnx::ops
