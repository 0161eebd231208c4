// The neurons and channels of a layer that contributed most.
#include "ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mho::cli {

void RankingSums::add(std::span<const double> values, std::size_t examples, Groups& groups) {
  const std::size_t count = groups.sum.size();
  if (examples == 0 || count == 0) return;
  const std::size_t members = values.size() / (examples * count);
  for (std::size_t example = 0; example < examples; ++example) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto part = values.subspan((example * count + i) * members, members);
      const double sum = std::accumulate(part.begin(), part.end(), 0.0);
      groups.sum[i] += sum;
      groups.magnitude[i] += std::abs(sum);
    }
  }
}

void RankingSums::add(const LayerResult& layer, bool split_by_input) {
  const Shape all = neuron_shape(layer);
  if (examples_ == 0) {
    shape_ = split_by_input && !all.empty() ? Shape{all[0]} : all;
    const std::int64_t neurons = element_count(shape_);
    const auto fresh = [](std::int64_t count) {
      return Groups{std::vector<double>(static_cast<std::size_t>(count)),
                    std::vector<double>(static_cast<std::size_t>(count))};
    };
    neurons_ = fresh(neurons);
    const bool has_positions = shape_.size() >= 2 && neurons > shape_[0];
    if (has_positions) channels_ = fresh(shape_[0]);
  }
  const std::size_t examples = layer.values.shape().empty() ? 1 : static_cast<std::size_t>(layer.values.shape()[0]);
  const auto values = layer.values.as<double>();
  add(values, examples, neurons_);
  add(values, examples, channels_);
  examples_ += static_cast<std::int64_t>(examples);
}

std::vector<Ranked> RankingSums::largest(const Groups& groups, std::size_t top, const Shape& shape) const {
  std::vector<std::size_t> order(groups.sum.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  top = std::min(top, order.size());
  // NaN would break the order of the sort.
  const auto key = [&](std::size_t i) {
    return std::isnan(groups.magnitude[i]) ? -std::numeric_limits<double>::infinity() : groups.magnitude[i];
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                    [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  const double total = std::accumulate(groups.magnitude.begin(), groups.magnitude.end(), 0.0);
  const auto examples = static_cast<double>(std::max<std::int64_t>(examples_, 1));
  std::vector<Ranked> ranked;
  for (std::size_t k = 0; k < top; ++k) {
    const std::size_t i = order[k];
    ranked.push_back({unravel(static_cast<std::int64_t>(i), shape), groups.sum[i] / examples,
                      groups.magnitude[i] / examples, total > 0 ? groups.magnitude[i] / total : 0});
  }
  return ranked;
}

Ranking RankingSums::rank(std::size_t top) const {
  Ranking ranking;
  ranking.neurons = element_count(shape_);
  ranking.top_neurons = largest(neurons_, top, shape_);
  if (!channels_.sum.empty()) ranking.top_channels = largest(channels_, top, {shape_[0]});
  return ranking;
}

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
  RankingSums sums;
  sums.add(layer, split_by_input);
  return sums.rank(top);
}

}  // namespace mho::cli
