// The neurons and channels of a layer that contributed most.
#include "ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mho::cli {

namespace {

/// Per group of values [examples, groups, members]: mean and mean magnitude over examples of the sum over members.
struct Groups {
  std::vector<double> mean;
  std::vector<double> magnitude;
};

Groups group(std::span<const double> values, std::size_t examples, std::size_t groups) {
  Groups sums{std::vector<double>(groups), std::vector<double>(groups)};
  if (examples == 0 || groups == 0) return sums;
  const std::size_t members = values.size() / (examples * groups);
  for (std::size_t example = 0; example < examples; ++example) {
    for (std::size_t i = 0; i < groups; ++i) {
      const auto part = values.subspan((example * groups + i) * members, members);
      const double sum = std::accumulate(part.begin(), part.end(), 0.0);
      sums.mean[i] += sum / static_cast<double>(examples);
      sums.magnitude[i] += std::abs(sum) / static_cast<double>(examples);
    }
  }
  return sums;
}

std::vector<Ranked> largest(const Groups& groups, std::size_t top, const Shape& shape) {
  std::vector<std::size_t> order(groups.mean.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  top = std::min(top, order.size());
  // NaN would break the order of the sort.
  const auto key = [&](std::size_t i) {
    return std::isnan(groups.magnitude[i]) ? -std::numeric_limits<double>::infinity() : groups.magnitude[i];
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                    [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  const double total = std::accumulate(groups.magnitude.begin(), groups.magnitude.end(), 0.0);
  std::vector<Ranked> ranked;
  for (std::size_t k = 0; k < top; ++k) {
    const std::size_t i = order[k];
    ranked.push_back({unravel(static_cast<std::int64_t>(i), shape), groups.mean[i], groups.magnitude[i],
                      total > 0 ? groups.magnitude[i] / total : 0});
  }
  return ranked;
}

}  // namespace

Shape neuron_shape(const LayerResult& layer) {
  const Shape& shape = layer.values.shape();
  return shape.empty() ? Shape{} : Shape(shape.begin() + 1, shape.end());
}

std::vector<std::int64_t> unravel(std::int64_t flat, const Shape& shape) {
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return index;
}

Ranking rank_layer(const LayerResult& layer, std::size_t top, bool split_by_input) {
  const Shape all = neuron_shape(layer);
  const Shape shape = split_by_input && !all.empty() ? Shape{all[0]} : all;
  const std::size_t examples = layer.values.shape().empty() ? 1 : static_cast<std::size_t>(layer.values.shape()[0]);
  const auto values = layer.values.as<double>();

  Ranking ranking;
  ranking.neurons = element_count(shape);
  ranking.top_neurons = largest(group(values, examples, static_cast<std::size_t>(ranking.neurons)), top, shape);
  const bool has_positions = shape.size() >= 2 && ranking.neurons > shape[0];
  if (has_positions) {
    ranking.top_channels = largest(group(values, examples, static_cast<std::size_t>(shape[0])), top, {shape[0]});
  }
  return ranking;
}

}  // namespace mho::cli
