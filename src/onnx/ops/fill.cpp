// Tensors made from others by repetition, or from nothing: ConstantOfShape 9–25, Expand 8–13, Tile 6–13,
// Range 11–27, EyeLike 9–22.
#include <fmt/format.h>
#include <mho/error.h>

#include <cmath>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// An extent list from an input of an untrusted model.
Shape read_extents(const NodeContext& node, std::size_t position, std::string_view what) {
  Shape extents = node.constant_integers(position, what);
  for (const std::int64_t extent : extents) {
    if (extent < 0) node.invalid(fmt::format("'{}' is {}, which has a negative entry", what, to_string(extents)));
  }
  return extents;
}

std::vector<ValueId> lower_constant_of_shape(const NodeContext& node) {
  Builder& build = node.build;
  ValueId value = kNoValue;
  if (auto tensor = node.attributes.tensor("value")) {
    if (tensor->type.elements() != 1) node.invalid("its value does not have exactly one element");
    value = reshape(build, build.constant(std::move(*tensor)), {});
  } else {
    value = build.scalar(0);
  }
  return {broadcast(build, value, checked_size(node, read_extents(node, 0, "shape")))};
}

std::vector<ValueId> lower_expand(const NodeContext& node) {
  const Shape shape = broadcast_shape(node, node.shape_of(0), read_extents(node, 1, "shape"));
  return {broadcast(node.build, node.input(0), checked_size(node, shape))};
}

/// Axis by axis: [outer, 1, rest] -> [outer, repeats, rest] -> [outer, repeats * rest].
std::vector<ValueId> lower_tile(const NodeContext& node) {
  Builder& build = node.build;
  ValueId x = node.input(0);
  Shape shape = node.shape_of(0);
  const Shape repeats = read_extents(node, 1, "repeats");
  if (repeats.size() != shape.size()) node.invalid(fmt::format("{} repeats for {} axes", repeats.size(), shape.size()));
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (repeats[i] != 1) {
      Shape tiled = shape;
      if (element_count({shape[i], repeats[i]}) > 0) tiled[i] *= repeats[i];
      if (repeats[i] == 0) tiled[i] = 0;
      checked_size(node, tiled);
      std::int64_t rest = 1;
      for (std::size_t k = i; k < shape.size(); ++k) rest *= shape[k];
      x = reshape(build, x, {outer, 1, rest});
      x = reshape(build, broadcast(build, x, {outer, repeats[i], rest}), tiled);
      shape = std::move(tiled);
    }
    outer *= shape[i];
  }
  return {x};
}

/// start + k * delta for k < ceil((limit - start) / delta)
std::vector<ValueId> lower_range(const NodeContext& node) {
  const auto single = [&](std::size_t i, std::string_view what) {
    const std::vector<double> values = node.constant_reals(i, what);
    if (values.size() != 1) node.invalid(fmt::format("'{}' is not a single number", what));
    return values.front();
  };
  const double start = single(0, "start");
  const double limit = single(1, "limit");
  const double delta = single(2, "delta");
  const double count = std::max(0.0, std::ceil((limit - start) / delta));
  if (delta == 0 || !std::isfinite(count)) {
    node.invalid(fmt::format("a range from {} to {} in steps of {} makes no sense", start, limit, delta));
  }
  if (count > static_cast<double>(kMostListed)) {
    throw Error(Code::kLimit,
                fmt::format("Range node '{}': {} numbers are more than the {} allowed", node.name, count, kMostListed));
  }
  const auto extent = static_cast<std::int64_t>(count);
  node.build.expect(extent);
  if (node.type_of(0).is_real()) {
    std::vector<double> values;
    for (std::int64_t k = 0; k < extent; ++k) values.push_back(start + static_cast<double>(k) * delta);
    return {node.build.reals({extent}, std::move(values))};
  }
  // Unsigned, so that an element beyond the range of int64 wraps instead of being undefined.
  const auto first = static_cast<std::uint64_t>(node.constant_integers(0, "start").front());
  const auto step = static_cast<std::uint64_t>(node.constant_integers(2, "delta").front());
  std::vector<std::int64_t> values;
  for (std::int64_t k = 0; k < extent; ++k)
    values.push_back(static_cast<std::int64_t>(first + static_cast<std::uint64_t>(k) * step));
  return {node.build.integers({extent}, std::move(values))};
}

std::vector<ValueId> lower_eye_like(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  if (shape.size() != 2) node.invalid("its input is not a matrix");
  if (element_count(shape) > kMostListed) node.unsupported("its matrix is too large");
  const std::int64_t k = node.attributes.integer("k", 0);
  std::vector<double> values;
  // By element, since a matrix without columns may have any number of rows.
  const std::int64_t count = element_count(shape);
  node.build.expect(count);
  for (std::int64_t at = 0; at < count; ++at) values.push_back(at % shape[1] - at / shape[1] == k ? 1 : 0);
  const std::int64_t type = node.attributes.integer("dtype", 0);
  const bool real = type == 0 ? node.type_of(0).is_real() : type == 1 || type == 10 || type == 11 || type == 16;
  const ValueId matrix = node.build.reals(shape, std::move(values));
  return {real ? matrix : cast(node.build, matrix, type == 9 ? DType::b8 : DType::i64)};
}

}  // namespace

std::vector<Operator> fill_operators() {
  return {
      {.type = "ConstantOfShape", .since = 9, .lowering = lower_constant_of_shape},
      {.type = "Expand", .since = 8, .lowering = lower_expand},
      {.type = "EyeLike", .since = 9, .lowering = lower_eye_like},
      {.type = "Range", .since = 11, .lowering = lower_range},
      {.type = "Tile", .since = 6, .lowering = lower_tile},
  };
}

}  // namespace mho::onnx::ops
