// What a request means for a model: examples, baseline, target and layers, checked and found in the graph.
#include "attribution/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "attribution/dinucleotides.h"

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

Array mean_of(const Array& all) {
  Shape one = all.shape();
  one[0] = 1;
  std::vector<double> sums(static_cast<std::size_t>(element_count(one)), 0.0);
  for (std::int64_t i = 0; i < all.size(); ++i) sums[static_cast<std::size_t>(i) % sums.size()] += all.at(i);
  for (double& sum : sums) sum /= static_cast<double>(all.shape()[0]);
  return Array(one, sums).to(all.dtype());
}

Array constant_baseline(const Examples& inputs, const std::string& name, double value) {
  const Shape& shape = inputs.shapes.shapes.at(name);
  const std::vector<double> values(static_cast<std::size_t>(element_count(shape)), value);
  return Array(shape, values).to(inputs.arrays.at(name).dtype());
}

Array given_baseline(const Examples& inputs, const std::string& name, const Inputs& given) {
  const auto it = given.find(name);
  if (it == given.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("the baseline of input '{}' is not given", name));
  }
  const Array& array = it->second;
  const Array& all = inputs.arrays.at(name);
  Shape one = inputs.shapes.shapes.at(name);
  if (array.shape() != one && array.shape() != all.shape()) {
    throw Error(Code::kInvalidArgument,
                fmt::format("the baseline of input '{}' has shape {}; it must be {} or that of the input, {}", name,
                            to_string(array.shape()), to_string(one), to_string(all.shape())));
  }
  check_finite(fmt::format("the baseline of input '{}'", name), array);
  return array.to(all.dtype());
}

/// How many references the arrays hold: one number for all that have more than one.
std::int64_t count_references(const Examples& inputs, const ReferenceSet& set) {
  std::int64_t count = 1;
  for (const auto& [name, array] : set.references) {
    const auto it = inputs.shapes.shapes.find(name);
    if (it == inputs.shapes.shapes.end()) continue;  // refused with the other names
    const Shape& one = it->second;
    const std::int64_t extent = array.shape().empty() ? 0 : array.shape()[0];
    Shape whole = one;
    if (!whole.empty()) whole[0] *= extent;
    if (one.empty() || one[0] != 1 || extent < 1 || array.shape() != whole ||
        (count > 1 && extent > 1 && extent != count)) {
      throw Error(
          Code::kInvalidArgument,
          fmt::format("the references of input '{}' have shape {}; it must be [references, ...] with the rest of "
                      "{}, and the same number for every input",
                      name, to_string(array.shape()), to_string(one)));
    }
    check_finite(fmt::format("the references of input '{}'", name), array);
    count = std::max(count, extent);
  }
  return count;
}

Array given_references(const Examples& inputs, const std::string& name, const Inputs& given) {
  const auto it = given.find(name);
  if (it == given.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("the references of input '{}' are not given", name));
  }
  return it->second.to(inputs.arrays.at(name).dtype());
}

/// Shuffles of every example of the inputs that are one-hot: [examples * count, ...].
std::map<std::string, Array, std::less<>> make_shuffles(const Setup& setup, const DinucleotideShuffles& shuffles) {
  if (shuffles.count < 1 || shuffles.count > 100'000) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{} shuffles are asked for; it must be between 1 and 100000", shuffles.count));
  }
  std::map<std::string, Array, std::less<>> result;
  for (const ValueId id : setup.graph->inputs()) {
    const std::string& name = setup.graph->value(id).name;
    if (!setup.graph->value(id).type.is_real() || !one_hot_axes(setup.inputs.example(name, 0))) continue;
    Shape shape = setup.inputs.shapes.shapes.at(name);
    shape.insert(shape.begin(), setup.inputs.count * shuffles.count);
    Array all(setup.inputs.arrays.at(name).dtype(), shape);
    std::byte* to = all.bytes().data();
    for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
      const Array example = setup.inputs.example(name, n);
      const auto axes = one_hot_axes(example);
      if (!axes) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("example {} of input '{}' is not one-hot, which shuffles need", n, name));
      }
      for (std::int64_t k = 0; k < shuffles.count; ++k) {
        const Array shuffled = shuffled_one_hot(example, *axes, shuffles.seed, k);
        to = std::ranges::copy(shuffled.bytes(), to).out;
      }
    }
    result.emplace(name, std::move(all));
  }
  if (result.empty()) {
    throw Error(Code::kInvalidArgument,
                "no input is one-hot, [letters, positions] or [positions, letters], which shuffles need");
  }
  return result;
}

std::map<std::string, Array, std::less<>> make_baselines(const Setup& setup, const Baseline& baseline) {
  if (const auto* shuffles = std::get_if<DinucleotideShuffles>(&baseline)) return make_shuffles(setup, *shuffles);
  std::map<std::string, Array, std::less<>> result;
  for (const ValueId id : setup.graph->inputs()) {
    const bool real = setup.graph->value(id).type.is_real();
    if (!real && setup.sources.embedded.empty()) continue;
    const std::string& name = setup.graph->value(id).name;
    if (const auto* number = std::get_if<double>(&baseline)) {
      if (!std::isfinite(*number)) throw Error(Code::kInvalidArgument, "the baseline is not a finite number");
      result.emplace(name, constant_baseline(setup.inputs, name, *number));
    } else if (std::holds_alternative<MeanBaseline>(baseline)) {
      if (!real) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("the mean of integer input '{}' is no integer: give a number or an array", name));
      }
      const Array& all = setup.inputs.arrays.at(name);
      result.emplace(name, setup.inputs.shapes.batched.at(name) ? mean_of(all) : all);
    } else if (const auto* set = std::get_if<ReferenceSet>(&baseline)) {
      result.emplace(name, given_references(setup.inputs, name, set->references));
    } else {
      result.emplace(name, given_baseline(setup.inputs, name, std::get<Inputs>(baseline)));
    }
  }
  const auto* set = std::get_if<ReferenceSet>(&baseline);
  if (const auto* given = set != nullptr ? &set->references : std::get_if<Inputs>(&baseline)) {
    for (const auto& [name, array] : *given) {
      if (!result.contains(name)) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("a baseline is given for '{}', which is no input of the model that has a path", name));
      }
    }
  }
  return result;
}

/// As many points as keep the activations near the caches.
std::int64_t default_micro_batch(const Graph& graph, const graph::Analysis& facts) {
  constexpr std::int64_t kCacheBytes = std::int64_t{16} << 20;
  constexpr std::int64_t kMost = 64;  // a matmul has reached its speed at 64 rows
  constexpr std::int64_t kLeast = 4;  // a large convolution at 1 to 4 images
  std::int64_t bytes = 1;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    if (facts.active[i]) bytes += static_cast<std::int64_t>(graph.value(static_cast<ValueId>(i)).type.bytes());
  }
  return std::clamp(kCacheBytes / bytes, kLeast, kMost);
}

void decide_batching(Setup& setup, const Request& request) {
  std::vector<graph::ValueId> wanted;
  for (const LayerChoice& layer : setup.layers) wanted.push_back(setup.graph->find(layer.name));
  wanted.push_back(setup.target.value);
  wanted.insert(wanted.end(), setup.sources.embedded.begin(), setup.sources.embedded.end());
  const std::vector<bool> cut = setup.network->cut_by_batch(wanted);
  const engine::Batching& batching = setup.network->batching();
  setup.batched = batching.allowed;
  setup.batching = batching.reason;
  for (std::size_t l = 0; l < wanted.size() && setup.batched; ++l) {
    if (cut[l]) continue;
    setup.batched = false;
    const std::string& name = l < setup.layers.size() ? setup.layers[l].name : setup.graph->value(wanted[l]).name;
    setup.batching = fmt::format("looped: the leading axis of '{}' is not cut by the batch", name);
  }
  if (request.micro_batch < 0 || request.micro_batch > 4096) {
    throw Error(Code::kInvalidArgument,
                fmt::format("the micro-batch is {}; it must be between 1 and 4096, or 0 for mho's choice",
                            request.micro_batch));
  }
  if (!setup.batched) {
    setup.micro_batch = 1;
  } else if (request.micro_batch > 0) {
    setup.micro_batch = request.micro_batch;
  } else {
    setup.micro_batch = default_micro_batch(*setup.graph, setup.facts);
  }
}

}  // namespace

Array Setup::baseline(const std::string& name, std::int64_t index) const {
  const Array& all = baselines.at(name);
  Array one(all.dtype(), inputs.shapes.shapes.at(name));
  const std::size_t size = one.bytes().size();
  const std::size_t offset = all.size() > one.size() ? size * static_cast<std::size_t>(index) : 0;
  std::memcpy(one.bytes().data(), all.bytes().data() + offset, size);
  return one;
}

Setup set_up(const Model::Impl& model, const Inputs& inputs, const Request& request) {
  Setup setup;
  setup.inputs = prepare_inputs(model, inputs);
  setup.network = model.network(setup.inputs.shapes);
  setup.graph = setup.network->graph(1);
  const Graph& graph = *setup.graph;
  setup.requested_output = request.output;
  setup.probability = request.probability;
  setup.subtract_class_mean = request.subtract_class_mean;
  setup.target = find_target(graph, request.output, request.probability);
  setup.sources = find_sources(graph);
  const std::vector<ValueId> moving = setup.sources.all();
  setup.facts =
      graph::analyze(graph, moving, setup.target.value,
                     request.method == Method::kDeepLift ? graph::Through::everything : graph::Through::differentiable);
  if (const auto* set = std::get_if<ReferenceSet>(&request.baseline)) {
    setup.references = count_references(setup.inputs, *set);
  }
  if (const auto* shuffles = std::get_if<DinucleotideShuffles>(&request.baseline)) {
    setup.references = shuffles->count;
    setup.own_references = true;
  }
  setup.baselines = make_baselines(setup, request.baseline);
  if (request.method == Method::kIg) {
    for (const ValueId id : moving) {
      const auto i = static_cast<std::size_t>(id);
      if (!setup.facts.relevant[i] || graph.value(id).name.empty()) continue;
      setup.layers.push_back({graph.value(id).name, "", "Input", setup.facts.cut[i], setup.facts.affine_to_target[i]});
    }
    if (setup.layers.empty()) {
      throw Error(Code::kUnsupported, fmt::format("target '{}' does not depend on any real input, or named tensor made "
                                                  "of integer inputs, through differentiable "
                                                  "operators",
                                                  setup.target.name));
    }
  } else {
    setup.layers =
        choose_layers(graph, setup.facts, request.layers, setup.target.value, request.method == Method::kActivation);
  }
  decide_batching(setup, request);
  return setup;
}

}  // namespace mho::attribution
