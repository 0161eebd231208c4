// DFT 17–20 and STFT 17: products with matrices of cosines and sines; the windows HannWindow, HammingWindow and
// BlackmanWindow 17.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

constexpr std::int64_t kMostMatrix = std::int64_t{1} << 26;

/// x [..., n, parts], parts 1 (real) or 2 (complex), to [..., length or its first half + 1, 2]; n is cut or filled with
/// zeros to `length`.
ValueId transform(const NodeContext& node, ValueId x, std::int64_t length, bool inverse, bool onesided) {
  Builder& build = node.build;
  Shape shape = build.type(x).shape;
  const std::int64_t parts = shape.back(), axis = static_cast<std::int64_t>(shape.size()) - 2;
  if (parts != 1 && parts != 2) node.invalid(fmt::format("{} parts per number instead of 1 or 2", parts));
  if (length < 1) node.invalid(fmt::format("a length of {}", length));
  if (length > kMostMatrix) node.unsupported(fmt::format("a transform of length {}", length));
  const std::int64_t n = std::min(shape[static_cast<std::size_t>(axis)], length);
  const std::int64_t results = onesided ? length / 2 + 1 : length;
  if (n * parts > kMostMatrix / (2 * results)) node.unsupported(fmt::format("a transform of length {}", length));
  x = slice(build, x, axis, 0, n);
  shape[static_cast<std::size_t>(axis)] = n;
  std::vector<double> matrix(static_cast<std::size_t>(n * parts * results * 2));
  const double unit = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  const double scale = inverse ? 1 / static_cast<double>(length) : 1;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < results; ++k) {
      const double angle = unit * static_cast<double>(i * k % length);
      const double c = scale * std::cos(angle), s = scale * std::sin(angle);
      double* const row = matrix.data() + (i * parts * results + k) * 2;
      row[0] = c, row[1] = s;  // of the real part
      if (parts == 2) row[results * 2] = -s, row[results * 2 + 1] = c;
    }
  }
  Shape rows(shape.begin(), shape.end() - 2);
  const std::int64_t count = element_count(rows);
  const ValueId product =
      build.apply1(primitives::make_matmul(), {reshape(build, as_real(build, x), {count, n * parts}),
                                               build.reals({n * parts, results * 2}, std::move(matrix))});
  rows.insert(rows.end(), {results, 2});
  return reshape(build, product, rows);
}

/// The real signal [..., length, 1] whose first half of a spectrum is x [..., n, 2]: the other half mirrors it.
ValueId inverse_of_half(const NodeContext& node, ValueId x, std::int64_t length) {
  Builder& build = node.build;
  Shape shape = build.type(x).shape;
  const std::int64_t axis = static_cast<std::int64_t>(shape.size()) - 2;
  if (length > kMostMatrix) node.unsupported(fmt::format("a transform of length {}", length));
  const std::int64_t n = std::min(shape[static_cast<std::size_t>(axis)], length / 2 + 1);
  if (shape.back() != 2 || length < 1 || n < 1) node.invalid(fmt::format("half a spectrum {}", to_string(shape)));
  if (2 * n > kMostMatrix / length) node.unsupported(fmt::format("a transform of length {}", length));
  x = slice(build, x, axis, 0, n);
  std::vector<double> matrix(static_cast<std::size_t>(n * 2 * length));
  for (std::int64_t k = 0; k < n; ++k) {
    const double weight = (k == 0 || 2 * k == length ? 1.0 : 2.0) / static_cast<double>(length);
    for (std::int64_t i = 0; i < length; ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i * k % length) / static_cast<double>(length);
      matrix[static_cast<std::size_t>(2 * k * length + i)] = weight * std::cos(angle);
      matrix[static_cast<std::size_t>((2 * k + 1) * length + i)] = -weight * std::sin(angle);
    }
  }
  Shape rows(shape.begin(), shape.end() - 2);
  const ValueId flat = reshape(build, as_real(build, x), {element_count(rows), n * 2});
  const ValueId product =
      build.apply1(primitives::make_matmul(), {flat, build.reals({n * 2, length}, std::move(matrix))});
  rows.insert(rows.end(), {length, 1});
  return reshape(build, product, rows);
}

std::vector<ValueId> lower_dft(const NodeContext& node) {
  Builder& build = node.build;
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 2) node.invalid("its input has no axis to transform");
  std::int64_t axis = node.attributes.integer("axis", 1);
  if (node.opset >= 20) axis = node.has_input(2) ? node.constant_integers(2, "axis").at(0) : -2;
  axis = node.normalized_axis(axis, rank);
  if (axis == static_cast<std::int64_t>(rank) - 1) node.invalid("its axis is that of the real and imaginary parts");
  std::int64_t length = node.shape_of(0)[static_cast<std::size_t>(axis)];
  const bool inverse = node.attributes.integer("inverse", 0) != 0;
  const bool onesided = node.attributes.integer("onesided", 0) != 0;
  const bool from_half = inverse && onesided;
  if (from_half) length = 2 * (length - 1);
  if (node.has_input(1)) {
    const std::vector<std::int64_t> given = node.constant_integers(1, "dft_length");
    if (given.size() != 1) node.invalid("its length is not a single number");
    length = given[0];
  }
  Shape swap = axis_range(0, rank);
  std::swap(swap[static_cast<std::size_t>(axis)], swap[rank - 2]);
  const ValueId moved = transpose(build, node.input(0), swap);
  const ValueId y =
      from_half ? inverse_of_half(node, moved, length) : transform(node, moved, length, inverse, onesided);
  return {transpose(build, y, swap)};
}

/// Frames of the signal [batch, length, parts], times a window, transformed: [batch, frames, results, 2].
std::vector<ValueId> lower_stft(const NodeContext& node) {
  Builder& build = node.build;
  const Shape signal = node.shape_of(0);
  const std::vector<std::int64_t> steps = node.constant_integers(1, "frame_step");
  std::int64_t length = node.has_input(2) ? element_count(node.shape_of(2)) : 0;
  if (node.has_input(3)) length = node.constant_integers(3, "frame_length").at(0);
  if (signal.size() != 3 || steps.size() != 1 || steps[0] < 1 || length < 1 || length > signal[1]) {
    node.invalid(fmt::format("frames of {} from a signal {}", length, to_string(signal)));
  }
  const std::int64_t frames = (signal[1] - length) / steps[0] + 1;
  node.build.expect(element_count({frames, length}));
  std::vector<std::int64_t> places;
  for (std::int64_t f = 0; f < frames; ++f) {
    for (std::int64_t i = 0; i < length; ++i) places.push_back(f * steps[0] + i);
  }
  ValueId framed =
      reshape(build, take(build, node.input(0), 1, std::move(places)), {signal[0], frames, length, signal[2]});
  if (node.has_input(2)) {
    if (element_count(node.shape_of(2)) != length) node.invalid("its window has another length than its frames");
    framed = mul(build, framed, reshape(build, node.input(2), {length, 1}));
  }
  return {transform(node, framed, length, false, node.attributes.integer("onesided", 1) != 0)};
}

/// a - b cos(2 pi i / n) + c cos(4 pi i / n); n is one less where the window is not periodic.
std::vector<ValueId> lower_window(const NodeContext& node) {
  const std::vector<std::int64_t> size = node.constant_integers(0, "size");
  if (size.size() != 1 || size[0] < 0 || size[0] > kMostMatrix) node.invalid("its size makes no sense");
  const double a = node.type == "HannWindow" ? 0.5 : node.type == "HammingWindow" ? 25.0 / 46 : 0.42;
  const double b = node.type == "BlackmanWindow" ? 0.5 : 1 - a;
  const double c = node.type == "BlackmanWindow" ? 0.08 : 0;
  const bool periodic = node.attributes.integer("periodic", 1) != 0;
  const double turn =
      2 * std::numbers::pi / static_cast<double>(std::max<std::int64_t>(size[0] - (periodic ? 0 : 1), 1));
  std::vector<double> values;
  for (std::int64_t i = 0; i < size[0]; ++i) {
    const double angle = turn * static_cast<double>(i);
    values.push_back(a - b * std::cos(angle) + c * std::cos(2 * angle));
  }
  return {node.build.reals({size[0]}, std::move(values))};
}

}  // namespace

std::vector<Operator> dft_operators() {
  return {
      {.type = "BlackmanWindow", .since = 17, .lowering = lower_window},
      {.type = "DFT", .since = 17, .lowering = lower_dft},
      {.type = "HammingWindow", .since = 17, .lowering = lower_window},
      {.type = "HannWindow", .since = 17, .lowering = lower_window},
      {.type = "STFT", .since = 17, .lowering = lower_stft},
  };
}

}  // namespace mho::onnx::ops
