// What a request means for a model: examples, baseline, target and layers, checked and found in the graph.
#include "attribution/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "attribution/baselines.h"
#include "attribution/grad_cam.h"

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

/// As many points as keep the activations near the caches.
std::int64_t default_micro_batch(const Graph& graph, const graph::Analysis& facts) {
  constexpr std::int64_t kCacheBytes = std::int64_t{16} << 20;
  constexpr std::int64_t kMost = 128;  // a matmul has reached its speed there
  constexpr std::int64_t kLeast = 7;   // a large convolution: its weights come from memory; 12 segments fill it twice
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
  const std::vector<bool> cut = setup.network->cut_by_batch(wanted, setup.poll.get());
  const engine::Batching& batching = setup.network->batching(setup.poll.get());
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
    setup.micro_batch_is_given = true;
  } else {
    setup.micro_batch = default_micro_batch(*setup.graph, setup.facts);
  }
}

}  // namespace

const Shape& Setup::example_shape(const std::string& name) const {
  const auto input = inputs.shapes.shapes.find(name);
  return input != inputs.shapes.shapes.end() ? input->second : graph->value(graph->find(name)).type.shape;
}

bool Setup::one_baseline() const {
  return std::ranges::all_of(baselines,
                             [&](const auto& b) { return b.second.size() == element_count(example_shape(b.first)); });
}

Array Setup::baseline(const std::string& name, std::int64_t index) const {
  const Array& all = baselines.at(name);
  Array one(all.dtype(), example_shape(name));
  const std::size_t size = one.bytes().size();
  const std::size_t offset = all.size() > one.size() ? size * static_cast<std::size_t>(index) : 0;
  std::memcpy(one.bytes().data(), all.bytes().data() + offset, size);
  return one;
}

Setup set_up(const Model::Impl& model, const Inputs& inputs, const Request& request,
             const std::shared_ptr<kernels::Poll>& poll) {
  Setup setup;
  setup.poll = poll;
  setup.ask();
  setup.inputs = prepare_inputs(model, inputs);
  setup.ask();
  setup.network = network_of(model, setup.inputs);
  setup.graph = setup.network->graph(1);
  setup.ask();
  const Graph& graph = *setup.graph;
  setup.requested_output = request.output;
  setup.probability = request.probability;
  setup.subtract_class_mean = request.subtract_class_mean;
  setup.target = find_target(graph, request.output, request.probability);
  setup.sources = find_sources(graph, request.at);
  const std::vector<ValueId> moving = setup.sources.all();
  setup.facts = graph::analyze(graph, moving, setup.target.value,
                               request.method == Method::kDeepLift || request.method == Method::kAblation
                                   ? graph::Through::everything
                                   : graph::Through::differentiable);
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
    if (request.method == Method::kGradCam) {
      setup.layers = layers_with_positions(graph, std::move(setup.layers), request.layers);
    }
  }
  decide_batching(setup, request);
  return setup;
}

}  // namespace mho::attribution
