// F with parts of a layer replaced and everything behind it run again: what ablation and its curves are made of.
#include "attribution/intervention.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "attribution/evaluator.h"
#include "engine/non_finite.h"
#include "engine/slots.h"

namespace mho::attribution {

using graph::ValueId;
using kernels::Tensor;

namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

/// What nodes between the layer and the target read besides what comes from the layer, constants left out.
std::vector<ValueId> bypasses(const graph::Graph& graph, ValueId layer, ValueId target) {
  const std::vector<bool> behind = graph::dependents(graph, std::array{layer});
  const std::vector<bool> wanted = graph::ancestors(graph, target);
  std::vector<bool> found(graph.value_count(), false);
  std::vector<ValueId> result;
  const auto add = [&](ValueId id) {
    if (graph.is_constant(id) || behind[index(id)] || found[index(id)]) return;
    found[index(id)] = true;
    result.push_back(id);
  };
  if (!behind[index(target)]) add(target);
  for (const graph::Node& node : graph.nodes()) {
    const bool runs = std::ranges::any_of(
        node.outputs, [&](ValueId id) { return id != layer && behind[index(id)] && wanted[index(id)]; });
    if (runs) std::ranges::for_each(node.inputs, add);
  }
  return result;
}

/// An element of a plain real tensor.
double element(const Tensor& t, std::int64_t i) {
  const auto k = static_cast<std::size_t>(i);
  return t.dtype() == DType::f64 ? t.as<double>()[k] : static_cast<double>(t.as<float>()[k]);
}

void copy_element(const Tensor& from, const Tensor& to, std::int64_t i) {
  const std::size_t size = size_of(to.dtype());
  const std::size_t offset = size * static_cast<std::size_t>(i);
  std::memcpy(to.data + offset, from.data + offset, size);
}

}  // namespace

Intervention::Intervention(const Setup& setup, const Ends& ends, std::size_t layer, const Units& units,
                           std::int64_t most, bool optimize)
    : setup_(&setup), ends_(&ends), layer_(layer), units_(&units) {
  const std::int64_t lanes = lanes_for(setup);
  batch_ = std::clamp((most + lanes - 1) / lanes, std::int64_t{1}, std::max(lane_batch_for(setup), std::int64_t{1}));
  choose_feeds();
  const engine::Network& network = *setup.network;
  const engine::PlanOptions options{optimize, false, false};
  const std::vector<ValueId> inputs(setup.graph->inputs().begin(), setup.graph->inputs().end());
  for (const ValueId id : inputs) inputs_.push_back(setup.graph->value(id).name);
  ahead_ = network.plans().lend(setup.graph, {inputs, feeds_, {}, {}}, network.device(), options, setup.poll.get());
  const engine::PlanRequest request{feeds_, {setup.target.value}, {}, {}};
  if (lanes > 1) {
    for (const auto& device : network.lanes()) lanes_.push_back({{}, device});
  } else {
    lanes_.push_back({{}, network.device()});
  }
  for (Lane& lane : lanes_)
    lane.plan = network.plans().lend(network.graph(batch_), request, lane.device, options, setup.poll.get());
  for (const OwnedTensor& value : ends.replacements[layer]) replacements_.emplace_back(value.view());
}

/// What bypasses the layer is fed as it is at x; where the batch does not cut it, it is computed again.
void Intervention::choose_feeds() {
  const graph::Graph& graph = *setup_->graph;
  const ValueId layer = graph.find(setup_->layers[layer_].name);
  std::vector<ValueId> others = bypasses(graph, layer, setup_->target.value);
  if (batch_ > 1) {
    const std::vector<bool> cut = setup_->network->cut_by_batch(others, setup_->poll.get());
    if (std::ranges::find(cut, false) != cut.end()) others.assign(graph.inputs().begin(), graph.inputs().end());
  }
  std::erase(others, layer);
  feeds_ = {layer};
  feeds_.insert(feeds_.end(), others.begin(), others.end());
}

Intervention::State& Intervention::state(std::int64_t example) {
  const auto known = std::ranges::find(states_, example, &State::example);
  if (known != states_.end()) {
    states_.splice(states_.begin(), states_, known);
    return states_.front();
  }
  kernels::Device& device = *setup_->network->device();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    engine::from_host(device, setup_->inputs.example(inputs_[i], example), ahead_->feed(i));
  }
  ahead_->forward(setup_->poll.get());
  State made{example, {}};
  for (std::size_t i = 0; i < feeds_.size(); ++i) made.feeds.push_back(plain_copy(device, ahead_->fetch(i)));
  states_.push_front(std::move(made));
  if (static_cast<std::int64_t>(states_.size()) > capacity()) states_.pop_back();
  return states_.front();
}

Tensor Intervention::replacement(std::int64_t example) {
  return replacements_[replacements_.size() > 1 ? static_cast<std::size_t>(example) : 0].view();
}

bool Intervention::is_unchanged(std::int64_t example, std::int64_t unit) {
  const Tensor y = state(example).feeds[0].view();
  const Tensor other = replacement(example);
  return std::ranges::all_of(units_->elements(unit),
                             [&](std::int64_t e) { return element(y, e) == element(other, e); });
}

void Intervention::feed(Lane& lane, std::span<const Edit> edits, std::span<State* const> states) {
  for (std::size_t s = 0; s < edits.size(); ++s) {
    for (std::size_t i = 0; i < feeds_.size(); ++i) {
      const Tensor to = engine::slot_of(lane.plan->feed(i), static_cast<std::int64_t>(s), batch_);
      std::memcpy(to.data, states[s]->feeds[i].view().data, to.type.bytes());
    }
    const Tensor y = engine::slot_of(lane.plan->feed(0), static_cast<std::int64_t>(s), batch_);
    const Tensor other = replacement(edits[s].example);
    for (const std::int64_t unit : edits[s].units) {
      for (const std::int64_t e : units_->elements(unit)) copy_element(other, y, e);
    }
  }
}

double Intervention::read(const Lane& lane, std::int64_t slot, std::int64_t example) const {
  const Tensor values = engine::slot_of(lane.plan->fetch(0), slot, batch_);
  double f = 0;
  for (const auto& [element, weight] : ends_->targets[static_cast<std::size_t>(example)].weights) {
    f += weight * engine::element_of(*lane.device, values, element);
  }
  return f;
}

void Intervention::refuse(const Edit& edit) {
  // In all slots: leftovers of earlier edits must not be blamed.
  const std::vector<Edit> edits(static_cast<std::size_t>(batch_), edit);
  feed(lanes_.front(), edits, std::vector<State*>(edits.size(), &state(edit.example)));
  const engine::NonFinite found = engine::non_finite_forward(*lanes_.front().plan);
  throw Error(Code::kNumeric,
              fmt::format("the target '{}' of example {} is not finite with parts of layer '{}' replaced{}: choose "
                          "another replacement",
                          setup_->target.name, edit.example, setup_->layers[layer_].name,
                          found.any() ? " (" + engine::describe(found) + ")" : ""));
}

std::vector<double> Intervention::evaluate(std::span<const Edit> edits) {
  std::vector<State*> states;
  for (const Edit& edit : edits) states.push_back(&state(edit.example));
  const std::size_t each = (edits.size() + lanes_.size() - 1) / lanes_.size();
  std::vector<double> f(edits.size());
  kernels::run_lanes(lanes_.size(), [&](std::size_t l) {
    const std::size_t first = std::min(l * each, edits.size());
    const std::size_t count = std::min(each, edits.size() - first);
    if (count == 0) return;
    feed(lanes_[l], edits.subspan(first, count), std::span(states).subspan(first, count));
    lanes_[l].plan->forward(setup_->poll.get());
    for (std::size_t s = 0; s < count; ++s) {
      f[first + s] = read(lanes_[l], static_cast<std::int64_t>(s), edits[first + s].example);
    }
  });
  for (std::size_t i = 0; i < f.size(); ++i) {
    if (!std::isfinite(f[i])) refuse(edits[i]);
  }
  return f;
}

}  // namespace mho::attribution
