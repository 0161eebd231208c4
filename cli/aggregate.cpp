// `mho attribute --aggregate`: means over the examples, attributed some at a time.
#include "aggregate.h"

#include <fmt/format.h>
#include <mho/io.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "columns.h"
#include "inputs.h"
#include "targets.h"

namespace mho::cli {

namespace {

constexpr std::int64_t kFirstPart = 8;
constexpr std::int64_t kLargestPart = 64;  // mho attributes that many side by side
constexpr std::int64_t kBytes = std::int64_t{256} << 20;

/// As many examples as keep the values of a part small.
std::int64_t part_size(const Result& part) {
  std::int64_t bytes = 1;
  for (const LayerResult& layer : part.layers) bytes += static_cast<std::int64_t>(layer.values.bytes().size());
  const std::int64_t each = std::max<std::int64_t>(1, bytes / static_cast<std::int64_t>(part.f_input.size()));
  return std::clamp<std::int64_t>(kBytes / each, 1, kLargestPart);
}

void append(Result& to, Result&& part) {
  if (to.f_input.empty()) {
    to = std::move(part);
    for (LayerResult& layer : to.layers) layer.values = Array();
    return;
  }
  append_columns(to, part);
}

Array with_example_axis(const Array& values) {
  Shape shape = values.shape();
  shape.insert(shape.begin(), 1);
  return {shape, values.as<double>()};
}

}  // namespace

Aggregated aggregate_all(const Inputs& inputs, const Request& request, std::span<const Port> ports, bool per_class,
                         const AttributeSome& attribute_some) {
  const std::int64_t count = count_examples(inputs, ports);
  const bool needs_all = std::holds_alternative<MeanBaseline>(request.baseline);
  Aggregate sums(per_class);
  Aggregated result;
  std::int64_t size = needs_all ? count : kFirstPart;
  for (std::int64_t first = 0; first < count;) {
    const ExampleRange range{first, std::min(first + size, count)};
    Inputs some = inputs;
    keep_examples(some, ports, range, count);
    Request part_request = request;
    keep_examples(part_request.target, range, count);
    if (auto* arrays = std::get_if<Inputs>(&part_request.baseline)) {
      if (count_examples(*arrays, ports) == count) keep_examples(*arrays, ports, range, count);
    }
    Result part = attribute_some(some, part_request, first);
    sums.add(part);
    size = part_size(part);
    append(result.about, std::move(part));
    first = range.last;
  }
  result.means = sums.result();
  for (std::size_t l = 0; l < result.about.layers.size(); ++l) {
    result.about.layers[l].values = with_example_axis(result.means.all.layers[l].mean);
  }
  return result;
}

Ranking rank_means(const LayerMeans& layer, std::size_t top) {
  const auto magnitudes = layer.mean_magnitude.as<double>();
  std::vector<std::size_t> order(magnitudes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  top = std::min(top, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return magnitudes[a] != magnitudes[b] ? magnitudes[a] > magnitudes[b] : a < b;
                    });
  const double total = std::accumulate(magnitudes.begin(), magnitudes.end(), 0.0);
  Ranking ranking;
  ranking.neurons = layer.mean.size();
  for (std::size_t k = 0; k < top; ++k) {
    const std::size_t i = order[k];
    ranking.top_neurons.push_back({unravel(static_cast<std::int64_t>(i), layer.mean.shape()),
                                   layer.mean.as<double>()[i], magnitudes[i], total > 0 ? magnitudes[i] / total : 0});
  }
  return ranking;
}

void write_means(const std::string& path, const Aggregated& aggregated) {
  std::map<std::string, Array, std::less<>> arrays;
  const auto add = [&](const std::string& prefix, const ExampleMeans& means) {
    for (const LayerMeans& layer : means.layers) {
      const bool reserved = prefix.empty() && layer.name.starts_with("mho/");
      arrays.emplace(reserved ? "layer:" + layer.name : prefix + layer.name, layer.mean);
      arrays.emplace((prefix.empty() ? "mho/" : prefix) + "mean_magnitude/" + layer.name, layer.mean_magnitude);
    }
  };
  add("", aggregated.means.all);
  nlohmann::json document = {{"target_tensor", aggregated.about.target_tensor},
                             {"target_note", aggregated.about.target_note},
                             {"run", aggregated.about.metadata},
                             {"classes", nlohmann::json::object()}};
  for (const auto& [target, means] : aggregated.means.classes) {
    add(fmt::format("mho/class/{}/", target), means);
    document["classes"][std::to_string(target)] = means.examples;
  }
  Array examples(DType::i64, Shape{});
  examples.as<std::int64_t>()[0] = aggregated.means.all.examples;
  arrays.emplace("mho/examples", std::move(examples));
  io::write_npz(path, arrays,
                {{"mho/metadata", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)}});
}

}  // namespace mho::cli
