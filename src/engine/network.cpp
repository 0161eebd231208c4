// A model specialised to given example shapes: its graph at any micro-batch size, and whether that is allowed.
#include "engine/network.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/plan.h"
#include "engine/slots.h"

namespace mho::engine {

bool scales_with_batch(const Shape& one, const Shape& whole, std::int64_t batch) {
  if (one.empty() || one.size() != whole.size() || whole[0] != one[0] * batch) return false;
  return std::equal(one.begin() + 1, one.end(), whole.begin() + 1);
}

Network::Network(std::shared_ptr<const onnx::Model> model, ExampleShapes shapes,
                 std::shared_ptr<kernels::Device> device)
    : model_(std::move(model)), shapes_(std::move(shapes)), device_(std::move(device)) {}

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
    slot = std::make_shared<const Graph>(model_->specialize(specialization));
  }
  return slot;
}

const Batching& Network::batching() const {
  std::call_once(decided_, [&] { batching_ = decide(); });
  return batching_;
}

bool Network::scales(const std::string& name) const {
  constexpr std::int64_t kBatch = 3;
  const auto one = graph(1);
  const auto several = graph(kBatch);
  const ValueId a = one->find(name);
  const ValueId b = several->find(name);
  return a != graph::kNoValue && b != graph::kNoValue &&
         scales_with_batch(one->value(a).type.shape, several->value(b).type.shape, kBatch);
}

Batching Network::decide() const {
  constexpr std::int64_t kBatch = 3;
  for (const auto& [name, batched] : shapes_.batched) {
    if (!batched) return {false, fmt::format("looped: input '{}' has no example axis", name)};
  }
  try {
    const auto one = graph(1);
    const auto several = graph(kBatch);
    if (one->nodes().size() != several->nodes().size()) {
      return {false, "looped: the graph has another structure for a larger batch"};
    }
    for (const ValueId id : one->outputs()) {
      const std::string& name = one->value(id).name;
      if (!scales(name)) return {false, fmt::format("looped: output '{}' does not scale on its leading axis", name)};
    }
    const std::string difference = probe(kBatch);
    if (!difference.empty()) return {false, "looped: " + difference};
  } catch (const Error& error) {
    return {false, fmt::format("looped: a larger batch does not fit the model ({})", error.what())};
  }
  return {true, "micro-batched: a larger batch scales the leading axes only, and a probe agrees with the loop"};
}

std::string Network::probe(std::int64_t batch) const {
  std::mt19937_64 random(20260101);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto make_plan = [&](std::int64_t size) {
    const auto g = graph(size);
    return Plan(*g, {{g->inputs().begin(), g->inputs().end()}, {g->outputs().begin(), g->outputs().end()}, {}, {}},
                device_);
  };
  Plan one = make_plan(1);
  Plan several = make_plan(batch);
  const auto g = graph(1);
  std::vector<std::vector<Array>> inputs(static_cast<std::size_t>(batch));
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::size_t i = 0; i < g->inputs().size(); ++i) {
      const auto& type = g->value(g->inputs()[i]).type;
      Array values(DType::f64, type.shape);
      for (double& v : values.as<double>()) v = type.is_real() ? uniform(random) : 0;
      from_host(*device_, values, slot_of(several.feed(i), b, batch));
      inputs[static_cast<std::size_t>(b)].push_back(std::move(values));
    }
  }
  several.forward();
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::size_t i = 0; i < g->inputs().size(); ++i) {
      from_host(*device_, inputs[static_cast<std::size_t>(b)][i], one.feed(i));
    }
    one.forward();
    for (std::size_t o = 0; o < g->outputs().size(); ++o) {
      const Array expected = to_host(*device_, one.fetch(o));
      const Array actual = to_host(*device_, slot_of(several.fetch(o), b, batch));
      double scale = 0;
      double worst = 0;
      for (std::int64_t k = 0; k < expected.size(); ++k) {
        const double difference = std::abs(expected.at(k) - actual.at(k));
        scale = std::max(scale, std::abs(expected.at(k)));
        worst = std::max(worst, std::isnan(difference) ? 0 : difference);
      }
      if (worst > 1e-4 * std::max(scale, 1e-6)) {
        return fmt::format("output '{}' differs between a batch and the loop", g->value(g->outputs()[o]).name);
      }
    }
  }
  return {};
}

}  // namespace mho::engine
