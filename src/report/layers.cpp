// Views, sums and the budget of a page's layers.
#include "report/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "report/base64.h"

namespace mho::report {

namespace {

constexpr std::array<std::size_t, 4> kTops = {4096, 1024, 256, 32};

/// The next plan that keeps less; false where there is none.
bool reduce(const Extents& layer, Plan& plan) {
  if (plan.detail == Detail::kNeurons && layer.positions > 1) {
    plan = {Detail::kChannels, 0};
    return true;
  }
  const std::size_t now = plan.detail == Detail::kTop ? plan.top : layer.channels;
  const auto* next = std::ranges::find_if(kTops, [&](std::size_t top) { return top < now; });
  if (next == kTops.end()) {
    // What is left are sums over channels at every position.
    if (plan.detail != Detail::kChannels) return false;
    plan = {Detail::kTop, now};
    return true;
  }
  plan = {Detail::kTop, *next};
  return true;
}

/// Sums over positions: examples x channels.
std::vector<double> by_channel(const View& view, std::size_t examples) {
  std::vector<double> sums(examples * view.channels);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto from = view.values.begin() + static_cast<std::ptrdiff_t>(i * view.positions);
    sums[i] = std::accumulate(from, from + static_cast<std::ptrdiff_t>(view.positions), 0.0);
  }
  return sums;
}

std::vector<float> by_position(const View& view, std::size_t examples) {
  std::vector<double> sums(examples * view.positions);
  for (std::size_t i = 0; i < view.values.size(); ++i) {
    sums[i / view.neurons() * view.positions + i % view.positions] += view.values[i];
  }
  return {sums.begin(), sums.end()};
}

/// Mean over examples of the magnitude of every unit.
std::vector<double> magnitudes(const std::vector<double>& values, std::size_t examples) {
  const std::size_t units = examples == 0 ? 0 : values.size() / examples;
  std::vector<double> means(units);
  for (std::size_t i = 0; i < values.size(); ++i)
    means[i % units] += std::abs(values[i]) / static_cast<double>(examples);
  return means;
}

/// The units of largest magnitude; NaN, which would break the order, comes last.
std::vector<std::int64_t> largest(const std::vector<double>& magnitude, std::size_t top) {
  std::vector<std::int64_t> order(magnitude.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](std::int64_t i) {
    const double value = magnitude[static_cast<std::size_t>(i)];
    return std::isnan(value) ? -1.0 : value;
  };
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(std::min(top, order.size()));
  std::partial_sort(order.begin(), middle, order.end(),
                    [&](std::int64_t a, std::int64_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  order.erase(middle, order.end());
  return order;
}

}  // namespace

View view(const LayerResult& layer, Examples examples, bool split_by_input) {
  const Shape& all = layer.values.shape();
  View view;
  view.shape.assign(all.begin() + 1, all.end());
  std::size_t members = 1;
  if (split_by_input && view.shape.size() == 2) {
    members = static_cast<std::size_t>(view.shape[1]);
    view.shape.pop_back();
  }
  const auto neurons = static_cast<std::size_t>(element_count(view.shape));
  if (!view.shape.empty()) view.channels = static_cast<std::size_t>(view.shape[0]);
  view.positions = view.channels == 0 ? 0 : neurons / view.channels;
  const std::size_t stride = neurons * members;
  const auto values =
      layer.values.as<double>().subspan(static_cast<std::size_t>(examples.first) * stride, examples.count() * stride);
  if (members == 1) {
    view.values.assign(values.begin(), values.end());
    return view;
  }
  view.values.assign(examples.count() * neurons, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) view.values[i / members] += values[i];
  return view;
}

std::size_t cost(const Extents& layer, const Plan& plan, std::size_t examples) {
  const auto bytes = [&](std::size_t numbers) { return base64_size(numbers * examples * sizeof(float)); };
  switch (plan.detail) {
    case Detail::kNeurons:
      return bytes(layer.channels * layer.positions);
    case Detail::kChannels:
      return bytes(layer.channels) + bytes(layer.positions);
    case Detail::kTop:
      return bytes(plan.top);
  }
  return 0;
}

std::vector<Plan> plan_layers(std::span<const Extents> layers, std::size_t examples, std::size_t budget) {
  std::vector<Plan> plans(layers.size());
  std::vector<std::size_t> costs(layers.size());
  std::size_t total = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) total += costs[i] = cost(layers[i], plans[i], examples);
  while (total > budget) {
    const std::size_t i = static_cast<std::size_t>(std::ranges::max_element(costs) - costs.begin());
    Plan less = plans[i];
    if (costs[i] == 0 || !reduce(layers[i], less)) {
      throw Error(Code::kLimit, fmt::format("report: the largest channels of {} examples and {} layers do not fit into "
                                            "the page; show fewer examples (--examples A:B) or raise --max-size",
                                            examples, layers.size()));
    }
    total -= costs[i];
    plans[i] = less;
    total += costs[i] = cost(layers[i], less, examples);
  }
  return plans;
}

Sums sums(const View& view) {
  const std::size_t neurons = view.neurons();
  const std::size_t examples = neurons == 0 ? 0 : view.values.size() / neurons;
  Sums sums{std::vector<double>(examples), std::vector<double>(examples)};
  for (std::size_t i = 0; i < view.values.size(); ++i) {
    (view.values[i] < 0 ? sums.negative : sums.positive)[i / neurons] += view.values[i];
  }
  return sums;
}

Kept keep(const View& view, const Plan& plan) {
  const std::size_t neurons = view.neurons();
  const std::size_t examples = neurons == 0 ? 0 : view.values.size() / neurons;
  Kept kept;
  const std::vector<double> units = plan.detail == Detail::kNeurons ? view.values : by_channel(view, examples);
  const std::vector<double> magnitude = magnitudes(units, examples);
  kept.magnitude = std::accumulate(magnitude.begin(), magnitude.end(), 0.0);
  if (plan.detail != Detail::kTop) {
    kept.values.assign(units.begin(), units.end());
    if (plan.detail == Detail::kChannels) kept.positions = by_position(view, examples);
    return kept;
  }
  kept.index = largest(magnitude, plan.top);
  kept.values.reserve(examples * kept.index.size());
  for (std::size_t example = 0; example < examples; ++example) {
    for (const std::int64_t i : kept.index) {
      kept.values.push_back(static_cast<float>(units[example * view.channels + static_cast<std::size_t>(i)]));
    }
  }
  return kept;
}

}  // namespace mho::report
