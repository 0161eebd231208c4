// MaxPool (1–22), AveragePool (1–22), GlobalMaxPool, GlobalAveragePool.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"
#include "onnx/compose/window.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

ValueId global(const NodeContext& node, kernels::ReduceKind kind) {
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 2) node.invalid("input needs at least the axes [N, C]");
  Shape axes(rank - 2);
  std::iota(axes.begin(), axes.end(), 2);
  return node.build.apply1(primitives::make_reduce(kind, axes), {node.input(0)});
}

/// Coordinates of element `flat` of a row-major tensor of `shape`.
Shape coordinates(std::int64_t flat, const Shape& shape) {
  Shape result(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    result[i] = flat % shape[i];
    flat /= shape[i];
  }
  return result;
}

/// The pixels that windows see: for every window and element the row-major position in `image`. Elements in the padding
/// repeat the window's first pixel, which changes no maximum.
std::vector<std::int64_t> window_pixels(const kernels::Window& window, const Shape& image, const Shape& windows) {
  const std::int64_t elements = element_count(window.kernel), count = element_count(windows);
  std::vector<std::int64_t> pixels;
  pixels.reserve(static_cast<std::size_t>(count * elements));
  for (std::int64_t w = 0; w < count; ++w) {
    const Shape at = coordinates(w, windows);
    std::int64_t first = -1;
    for (std::int64_t e = 0; e < elements; ++e) {
      const Shape element = coordinates(e, window.kernel);
      std::int64_t pixel = 0;
      for (std::size_t i = 0; i < image.size(); ++i) {
        const std::int64_t place = at[i] * window.strides[i] - window.pads_begin[i] + element[i] * window.dilations[i];
        pixel = pixel < 0 || place < 0 || place >= image[i] ? -1 : pixel * image[i] + place;
      }
      if (first < 0) first = pixel;
      pixels.push_back(pixel);
    }
    for (auto p = pixels.end() - elements; p != pixels.end(); ++p) {
      if (*p < 0) *p = std::max<std::int64_t>(first, 0);
    }
  }
  return pixels;
}

/// Where in x each maximum is, counted over the whole tensor; the axes of an image from the first on if
/// `column_major`.
ValueId max_pool_indices(const NodeContext& node, const kernels::Window& window, Shape y, bool column_major) {
  Builder& build = node.build;
  const Shape x = node.shape_of(0);
  const Shape image(x.begin() + 2, x.end()), windows(y.begin() + 2, y.end());
  const std::int64_t pixels = element_count(image), planes = x[0] * x[1], count = element_count(windows);
  const std::int64_t elements = element_count(window.kernel);
  if (count > kMostListed / elements) node.unsupported(fmt::format("Indices of {} windows of {}", count, elements));
  checked_size(node, {planes, count, elements});
  build.expect(count * elements);
  std::vector<std::int64_t> seen = window_pixels(window, image, windows);
  const ValueId table = build.integers({count, elements}, seen);
  const ValueId views =
      build.apply1(primitives::make_gather(1), {reshape(build, node.input(0), {planes, pixels}), table});
  const ValueId best = build.apply1(primitives::make_top_k(2, 1, true), {views});
  Shape starts = axis_range(0, static_cast<std::size_t>(count));
  for (std::int64_t& start : starts) start *= elements;
  const ValueId chosen = add(build, reshape(build, best, {planes, count}), build.integers({1, count}, starts));
  if (column_major) {
    for (std::int64_t& pixel : seen) {
      const Shape at = coordinates(pixel, image);
      pixel = 0;
      for (std::size_t i = image.size(); i-- > 0;) pixel = pixel * image[i] + at[i];
    }
  }
  const ValueId places =
      build.apply1(primitives::make_gather(0), {build.integers({count * elements}, std::move(seen)), chosen});
  Shape planes_start = axis_range(0, static_cast<std::size_t>(planes));
  for (std::int64_t& start : planes_start) start *= pixels;
  return reshape(build, add(build, places, build.integers({planes, 1}, planes_start)), std::move(y));
}

std::vector<ValueId> lower_max_pool(const NodeContext& node) {
  Builder& build = node.build;
  const kernels::Window window = pool_window(node);
  // Integers are 8 bits wide here, and exact as reals.
  const ValueId pooled = build.apply1(primitives::make_pool_max(window), {as_real(build, node.input(0))});
  const ValueId y = cast(build, pooled, node.type_of(0).dtype);
  if (node.output_count < 2) return {y};
  const bool column_major = node.attributes.integer("storage_order", 0) != 0;
  return {y, max_pool_indices(node, window, build.type(y).shape, column_major)};
}

std::vector<ValueId> lower_average_pool(const NodeContext& node) {
  const bool include = node.attributes.integer("count_include_pad", 0) != 0;
  return {node.build.apply1(primitives::make_pool_average(pool_window(node), include), {node.input(0)})};
}

std::vector<ValueId> lower_global_max_pool(const NodeContext& node) { return {global(node, kernels::ReduceKind::max)}; }

std::vector<ValueId> lower_global_average_pool(const NodeContext& node) {
  return {global(node, kernels::ReduceKind::mean)};
}

}  // namespace

std::vector<Operator> pool_operators() {
  return {
      {.type = "AveragePool", .since = 1, .lowering = lower_average_pool},
      {.type = "GlobalAveragePool", .since = 1, .lowering = lower_global_average_pool},
      {.type = "GlobalMaxPool", .since = 1, .lowering = lower_global_max_pool},
      {.type = "MaxPool", .since = 1, .lowering = lower_max_pool},
  };
}

}  // namespace mho::onnx::ops
