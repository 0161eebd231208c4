// A model run without any optimisation, one example at a time.
#include "hostile/plain_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/plan.h"
#include "engine/slots.h"

namespace mho::testing {

using graph::ValueId;

namespace {

double largest_of(const Array& array) {
  double most = 0;
  for (std::int64_t k = 0; k < array.size(); ++k) {
    const double v = std::abs(array.at(k));
    most = std::isnan(v) ? HUGE_VAL : std::max(most, v);
  }
  return most;
}

}  // namespace

PlainRun::PlainRun(const Model& model, const Inputs& inputs, Precision precision)
    : model_(model.with_options({.precision = precision, .threads = 1})),
      examples_(attribution::prepare_inputs(model_.impl(), inputs)),
      network_(attribution::network_of(model_.impl(), examples_)) {
  const auto graph = network_->graph(1);
  const auto types_of = [&](std::span<const ValueId> ids) {
    std::vector<kernels::TensorType> types;
    for (const ValueId id : ids) types.push_back(graph->value(id).type);
    return types;
  };
  for (const graph::Node& node : graph->nodes()) {
    const auto outputs = types_of(node.outputs);
    flops_ += node.primitive->flops(types_of(node.inputs), outputs);
    for (const auto& type : outputs) flops_ += static_cast<double>(type.elements());
  }
  flops_ *= static_cast<double>(examples_.count);
}

Outputs PlainRun::run() const {
  const auto graph = network_->graph(1);
  const std::vector<ValueId> feeds(graph->inputs().begin(), graph->inputs().end());
  std::vector<ValueId> fetches(graph->outputs().begin(), graph->outputs().end());
  const std::size_t outputs_wanted = fetches.size();
  for (const graph::Node& node : graph->nodes()) {
    std::ranges::copy_if(node.outputs, std::back_inserter(fetches),
                         [&](ValueId id) { return graph->value(id).type.is_real(); });
  }
  kernels::Device& device = *network_->device();
  engine::Plan plan(*graph, {feeds, fetches, {}, {}}, network_->device(), {.optimize = false});
  Outputs outputs;
  for (std::int64_t example = 0; example < examples_.count; ++example) {
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      engine::from_host(device, examples_.example(graph->value(feeds[i]).name, example), plan.feed(i));
    }
    plan.forward();
    for (std::size_t o = 0; o < fetches.size(); ++o) {
      const Array value = engine::to_host(device, plan.fetch(o));
      if (graph->value(fetches[o]).type.is_real()) largest_ = std::max(largest_, largest_of(value));
      if (o >= outputs_wanted) continue;
      const std::string& name = model_.impl().onnx->outputs()[o].name;
      const auto it = outputs.try_emplace(name, value.dtype(), Shape{examples_.count, value.size()}).first;
      const std::span<std::byte> whole = it->second.bytes();
      if (value.size() > 0) {
        std::memcpy(whole.data() + static_cast<std::size_t>(example) * value.bytes().size(), value.bytes().data(),
                    value.bytes().size());
      }
    }
  }
  return outputs;
}

}  // namespace mho::testing
