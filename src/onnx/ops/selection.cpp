// Unique 11 and NonMaxSuppression 10–11 of constants: how many results there are depends on the values.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_unique(const NodeContext& node) {
  Builder& build = node.build;
  ValueId x = node.input(0);
  std::int64_t axis = 0;
  if (node.attributes.has("axis")) {
    axis = node.normalized_axis(node.attributes.integer("axis", 0), node.shape_of(0).size());
  } else {
    x = reshape(build, x, {build.type(x).elements()});
  }
  static_cast<void>(node.constant_reals(0, "the tensor"));
  const Shape shape = build.type(x).shape;
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  // Every slice along the axis as a row.
  Shape front = axis_range(0, shape.size());
  std::rotate(front.begin(), front.begin() + axis, front.begin() + axis + 1);
  const std::vector<double> values = *build.reals_of(transpose(build, x, front));
  const std::size_t width = extent == 0 ? 0 : values.size() / static_cast<std::size_t>(extent);
  const auto row = [&](std::int64_t i) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * width);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(width));
  };
  std::map<std::vector<double>, std::vector<std::int64_t>> places;
  for (std::int64_t i = 0; i < extent; ++i) places[row(i)].push_back(i);
  std::vector<std::vector<std::int64_t>> groups;
  for (auto& [key, group] : places) groups.push_back(std::move(group));
  if (node.attributes.integer("sorted", 1) == 0) {
    std::ranges::sort(groups, {}, [](const std::vector<std::int64_t>& group) { return group.front(); });
  }
  std::vector<std::int64_t> first, counts, inverse(static_cast<std::size_t>(extent));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    first.push_back(groups[g].front());
    counts.push_back(static_cast<std::int64_t>(groups[g].size()));
    for (const std::int64_t i : groups[g]) inverse[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(g);
  }
  const auto count = static_cast<std::int64_t>(groups.size());
  return {take(build, x, axis, first), build.integers({count}, first), build.integers({extent}, inverse),
          build.integers({count}, counts)};
}

/// Corners low and high in y and x.
struct Box {
  std::array<double, 2> low, high;

  [[nodiscard]] double area() const { return (high[0] - low[0]) * (high[1] - low[1]); }
  [[nodiscard]] double overlap(const Box& other) const {
    double area_of_both = 1;
    for (std::size_t i = 0; i < 2; ++i) {
      area_of_both *= std::max(0.0, std::min(high[i], other.high[i]) - std::max(low[i], other.low[i]));
    }
    const double all = area() + other.area() - area_of_both;
    return all > 0 ? area_of_both / all : 0;
  }
};

std::vector<ValueId> lower_non_max_suppression(const NodeContext& node) {
  const Shape shape = node.shape_of(0), scores_shape = node.shape_of(1);
  if (shape.size() != 3 || shape[2] != 4 || scores_shape.size() != 3 || scores_shape[0] != shape[0] ||
      scores_shape[2] != shape[1]) {
    node.invalid(fmt::format("boxes {} and scores {} do not fit", to_string(shape), to_string(scores_shape)));
  }
  constexpr std::int64_t kMostBoxes = 100'000;
  if (shape[1] > kMostBoxes) node.unsupported(fmt::format("{} boxes; at most {} are compared", shape[1], kMostBoxes));
  const std::vector<double> corners = node.constant_reals(0, "the boxes"),
                            scores = node.constant_reals(1, "the scores");
  const auto scalar = [&](std::size_t i, double otherwise) {
    if (!node.has_input(i)) return otherwise;
    const std::vector<double> values = node.constant_reals(i, "a threshold");
    if (values.size() != 1) node.invalid(fmt::format("input {} is not a single number", i));
    return values[0];
  };
  const double most = scalar(2, 0), overlap = scalar(3, 0), least = scalar(4, -std::numeric_limits<double>::infinity());
  const bool centred = node.attributes.integer("center_point_box", 0) != 0;
  const auto box_of = [&](std::int64_t n, std::int64_t i) {
    const double* c = corners.data() + (n * shape[1] + i) * 4;
    if (centred) return Box{{c[1] - c[3] / 2, c[0] - c[2] / 2}, {c[1] + c[3] / 2, c[0] + c[2] / 2}};
    return Box{{std::min(c[0], c[2]), std::min(c[1], c[3])}, {std::max(c[0], c[2]), std::max(c[1], c[3])}};
  };
  std::vector<std::int64_t> selected;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t k = 0; k < scores_shape[1]; ++k) {
      const double* score = scores.data() + (n * scores_shape[1] + k) * shape[1];
      std::vector<std::int64_t> order;
      for (std::int64_t i = 0; i < shape[1]; ++i) {
        if (score[i] > least) order.push_back(i);
      }
      std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return score[a] > score[b]; });
      std::vector<Box> kept;
      for (const std::int64_t i : order) {
        if (static_cast<double>(kept.size()) >= most) break;
        const Box box = box_of(n, i);
        if (std::ranges::any_of(kept, [&](const Box& other) { return box.overlap(other) > overlap; })) continue;
        kept.push_back(box);
        selected.insert(selected.end(), {n, k, i});
      }
    }
  }
  const auto count = static_cast<std::int64_t>(selected.size() / 3);
  return {node.build.integers({count, 3}, std::move(selected))};
}

}  // namespace

std::vector<Operator> selection_operators() {
  return {
      {.type = "NonMaxSuppression", .since = 10, .lowering = lower_non_max_suppression},
      {.type = "Unique", .since = 11, .lowering = lower_unique},
  };
}

}  // namespace mho::onnx::ops
