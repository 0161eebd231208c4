// A model specialised to given example shapes: its graph at any micro-batch size, and whether that is allowed.
#include "engine/network.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/plan.h"
#include "engine/slots.h"
#include "graph/analysis.h"
#include "graph/passes/passes.h"

namespace mho::engine {

Network::Network(std::shared_ptr<const onnx::Model> model, ExampleShapes shapes,
                 std::shared_ptr<kernels::Device> device, std::shared_ptr<kernels::Device> probe_device)
    : model_(std::move(model)),
      shapes_(std::move(shapes)),
      device_(std::move(device)),
      lanes_(device_->make_lanes()),
      probe_device_(probe_device ? std::move(probe_device) : device_) {}

std::shared_ptr<const Graph> Network::graph(std::int64_t batch) const {
  const std::scoped_lock lock(mutex_);
  auto& slot = graphs_[batch];
  if (!slot) {
    onnx::Model::Specialization specialization;
    specialization.batch_scale = batch;
    for (const auto& [name, shape] : shapes_.shapes) {
      Shape scaled = shape;
      if (shapes_.batched.at(name)) scaled[0] *= batch;
      specialization.input_shapes[name] = scaled;
    }
    for (const auto& [name, array] : shapes_.fixed) {
      specialization.fixed_inputs[name] = kernels::Constant::from(array);
    }
    Graph graph = model_->specialize(specialization);
    graph::keep_ties(graph);
    slot = std::make_shared<const Graph>(std::move(graph));
  }
  return slot;
}

namespace {

constexpr std::int64_t kProbed = 3;

/// Equal but for rounding.
bool agree(const Array& expected, const Array& actual) {
  double scale = 1e-6;
  double worst = 0;
  for (std::int64_t k = 0; k < expected.size(); ++k) {
    const double a = expected.at(k);
    const double b = actual.at(k);
    if (std::isfinite(a)) scale = std::max(scale, std::abs(a));
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!std::isfinite(a) || !std::isfinite(b)) return false;
    worst = std::max(worst, std::abs(a - b));
  }
  return worst <= 1e-4 * scale;
}

/// A node that depends on the inputs and whose result does not grow with the batch: a sum or a maximum over examples,
/// which no probe is sure to see. nullptr if there is none.
const graph::Node* mixing_node(const Graph& one, const Graph& several) {
  const std::vector<bool> depends = graph::dependents(one, one.inputs());
  for (const graph::Node& node : one.nodes()) {
    for (const ValueId id : node.outputs) {
      const bool grows = several.value(id).type.elements() == kProbed * one.value(id).type.elements();
      if (depends[static_cast<std::size_t>(id)] && !grows) return &node;
    }
  }
  return nullptr;
}

}  // namespace

const Batching& Network::batching(Poll* poll) const {
  std::call_once(decided_, [&] { batching_ = decide(poll); });
  return batching_;
}

std::string Network::obstacle() const {
  for (const auto& [name, batched] : shapes_.batched) {
    if (!batched) return fmt::format("input '{}' has no example axis", name);
  }
  try {
    // Values are compared by id, so both graphs must number them alike.
    const auto one = graph(1);
    const auto several = graph(kProbed);
    if (one->nodes().size() != several->nodes().size() || one->value_count() != several->value_count()) {
      return "the graph has another structure for a larger batch";
    }
    if (const graph::Node* node = mixing_node(*one, *several)) {
      return fmt::format("node '{}' ({}) makes one result of all examples", node->origin_name, node->origin_type);
    }
  } catch (const Error& error) {
    return fmt::format("a larger batch does not fit the model ({})", error.what());
  }
  return {};
}

Batching Network::decide(Poll* poll) const {
  if (const std::string reason = obstacle(); !reason.empty()) return {false, "looped: " + reason};
  const auto one = graph(1);
  const auto several = graph(kProbed);
  const std::vector<ValueId> outputs(one->outputs().begin(), one->outputs().end());
  const std::vector<bool> cut = cut_by_batch(outputs, poll);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (cut[i]) continue;
    const auto& output = one->value(outputs[i]);
    const bool scales = scales_with_batch(output.type.shape, several->value(outputs[i]).type.shape, kProbed);
    return {false, fmt::format("looped: output '{}' {}", output.name,
                               scales ? "differs between a batch and the loop" : "does not scale on its leading axis")};
  }
  return {true, "micro-batched: a larger batch scales the leading axes only, and a probe agrees with the loop"};
}

std::vector<bool> Network::cut_by_batch(std::span<const ValueId> values, Poll* poll) const {
  const std::scoped_lock lock(cuts_mutex_);
  std::vector<ValueId> unknown;
  for (const ValueId id : values) {
    if (!cuts_.contains(id)) unknown.push_back(id);
  }
  if (!unknown.empty() && obstacle().empty()) {
    const auto one = graph(1);
    const auto several = graph(kProbed);
    const std::vector<bool> sure = surely_cut(*one, *several, kProbed);
    // The outputs will be asked for too: one probe serves all.
    unknown.insert(unknown.end(), one->outputs().begin(), one->outputs().end());
    std::erase_if(unknown, [&](ValueId id) {
      if (sure[static_cast<std::size_t>(id)]) cuts_[id] = true;
      return cuts_.contains(id) ||
             !scales_with_batch(one->value(id).type.shape, several->value(id).type.shape, kProbed);
    });
    const std::vector<bool> agreed = probe(unknown, poll);
    for (std::size_t i = 0; i < unknown.size(); ++i) cuts_[unknown[i]] = agreed[i];
  }
  std::vector<bool> result;
  for (const ValueId id : values) result.push_back(cuts_[id]);
  return result;
}

std::vector<bool> Network::probe(const std::vector<ValueId>& values, Poll* poll) const {
  // Integers are positions or flags: 0 and 1, or 0 alone where 1 is out of range.
  for (const double most : {1.0, 0.0}) {
    try {
      return probe(values, most, poll);
    } catch (const Error& error) {
      if (error.code() == Code::kCancelled) throw;
      if (most == 0.0) break;
    }
  }
  return std::vector<bool>(values.size(), false);
}

std::vector<bool> Network::probe(const std::vector<ValueId>& values, double largest_integer, Poll* poll) const {
  std::vector<bool> agreed(values.size(), true);
  if (values.empty()) return agreed;
  std::mt19937_64 random(20260101);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto one_graph = graph(1);
  const std::vector<ValueId> inputs(one_graph->inputs().begin(), one_graph->inputs().end());
  Plan one(*one_graph, {inputs, values, {}, {}}, probe_device_, {}, poll);
  Plan several(*graph(kProbed), {inputs, values, {}, {}}, probe_device_, {}, poll);
  std::vector<std::vector<Array>> examples(kProbed);
  for (std::int64_t b = 0; b < kProbed; ++b) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& type = one_graph->value(inputs[i]).type;
      Array example(DType::f64, type.shape);
      for (double& v : example.as<double>()) {
        v = uniform(random);
        // Most are small, some large enough for thresholds.
        v = type.is_real() ? 4 * v * v * v : (v > 0 ? largest_integer : 0);
      }
      from_host(*probe_device_, example, slot_of(several.feed(i), b, kProbed));
      examples[static_cast<std::size_t>(b)].push_back(std::move(example));
    }
  }
  several.forward(poll);
  for (std::int64_t b = 0; b < kProbed; ++b) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      from_host(*probe_device_, examples[static_cast<std::size_t>(b)][i], one.feed(i));
    }
    one.forward(poll);
    for (std::size_t v = 0; v < values.size(); ++v) {
      const Array expected = to_host(*probe_device_, one.fetch(v));
      const Array actual = to_host(*probe_device_, slot_of(several.fetch(v), b, kProbed));
      if (!agree(expected, actual)) agreed[v] = false;
    }
  }
  return agreed;
}

}  // namespace mho::engine
