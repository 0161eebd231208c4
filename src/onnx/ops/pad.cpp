// Pad 1, 2 (attributes pads, value), 11–13 (inputs), 18 (with axes), 19–24 (mode wrap). Negative pads crop.
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

struct Pads {
  Shape begin;
  Shape end;
};

Pads read_pads(const NodeContext& node, const Shape& shape) {
  const std::size_t rank = shape.size();
  std::optional<std::vector<std::int64_t>> given;
  if (node.opset >= 11) {
    given = node.constant_integers(1, "pads");
  } else {
    given = node.attributes.integers(node.opset >= 2 ? "pads" : "paddings");
  }
  Shape axes = axis_range(0, rank);
  if (node.opset >= 18 && node.has_input(3)) {
    axes = node.constant_integers(3, "axes");
    normalized_axes(node, axes, rank);
  }
  if (!given || given->size() != 2 * axes.size()) node.invalid("its pads need two entries per axis");
  Pads pads{Shape(rank, 0), Shape(rank, 0)};
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto axis = static_cast<std::size_t>(node.normalized_axis(axes[k], rank));
    pads.begin[axis] = (*given)[k];
    pads.end[axis] = (*given)[k + axes.size()];
    constexpr std::int64_t kMost = std::int64_t{1} << 40;
    const auto absurd = [](std::int64_t pad) { return pad < -kMost || pad > kMost; };
    if (absurd(pads.begin[axis]) || absurd(pads.end[axis]) || shape[axis] + pads.begin[axis] + pads.end[axis] < 0) {
      node.invalid(fmt::format("padding of {} and {} makes no sense for an extent of {}", pads.begin[axis],
                               pads.end[axis], shape[axis]));
    }
  }
  return pads;
}

double constant_value(const NodeContext& node) {
  if (node.opset < 11) return node.attributes.real("value", 0);
  if (!node.has_input(2)) return 0;
  const std::vector<double> values = node.constant_reals(2, "constant_value");
  if (values.empty()) return 0;
  return values.front();
}

/// Position in [0, extent) that stands at `i` of the axis continued in both directions.
std::int64_t source(std::string_view mode, std::int64_t i, std::int64_t extent) {
  if (mode == "edge") return std::clamp<std::int64_t>(i, 0, extent - 1);
  const std::int64_t period = mode == "wrap" ? extent : std::max<std::int64_t>(1, 2 * (extent - 1));
  i = (i % period + period) % period;
  return i < extent ? i : period - i;
}

std::vector<ValueId> lower_pad(const NodeContext& node) {
  ValueId x = node.input(0);
  const Shape shape = node.shape_of(0);
  const std::string mode = node.attributes.string("mode", "constant");
  const Pads pads = read_pads(node, shape);
  Shape result = shape;
  for (std::size_t i = 0; i < shape.size(); ++i) result[i] += pads.begin[i] + pads.end[i];
  checked_size(node, result);
  const auto is_zero = [](std::int64_t pad) { return pad == 0; };
  if (std::ranges::all_of(pads.begin, is_zero) && std::ranges::all_of(pads.end, is_zero)) return {x};
  if (mode == "constant") {
    return {node.build.apply1(primitives::make_pad(pads.begin, pads.end, constant_value(node)), {x})};
  }
  if (mode != "reflect" && mode != "edge" && mode != "wrap") node.invalid(fmt::format("unknown mode '{}'", mode));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (pads.begin[i] == 0 && pads.end[i] == 0) continue;
    if (shape[i] == 0 && result[i] > 0) node.invalid("an axis without elements cannot be continued");
    if (result[i] > kMostListed) node.unsupported(fmt::format("mode '{}' is for up to {} elements", mode, kMostListed));
    node.build.expect(result[i]);
    std::vector<std::int64_t> positions;
    for (std::int64_t k = 0; k < result[i]; ++k) positions.push_back(source(mode, k - pads.begin[i], shape[i]));
    x = take(node.build, x, static_cast<std::int64_t>(i), std::move(positions));
  }
  return {x};
}

}  // namespace

std::vector<Operator> pad_operators() {
  return {
      {.type = "Pad", .since = 1, .lowering = lower_pad},
  };
}

}  // namespace mho::onnx::ops
