// Conductance from its definition, neuron by neuron: slow, and what Neuron Integrated Gradients is tested against.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "attribution/evaluator.h"
#include "attribution/measures.h"
#include "attribution/non_finite.h"
#include "attribution/quadrature.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

using engine::Plan;
using graph::ValueId;

constexpr std::int64_t kDefaultSteps = 64;

/// dy_j/dx for one layer: every slot of the plan holds the same point and another neuron's cotangent.
class NeuronGradients {
 public:
  NeuronGradients(const Setup& setup, const std::string& layer, std::int64_t batch, bool optimize)
      : setup_(&setup), batch_(batch), graph_(setup.network->graph(batch)) {
    const ValueId y = graph_->find(layer);
    moving_ = setup.sources.inputs;
    const std::vector<ValueId> feeds(graph_->inputs().begin(), graph_->inputs().end());
    plan_ = std::make_unique<Plan>(*graph_, engine::PlanRequest{feeds, {y}, {y}, moving_}, setup.network->device(),
                                   engine::PlanOptions{optimize, true});
  }

  [[nodiscard]] std::int64_t batch() const { return batch_; }

  /// Runs the model's part before the layer at x' + alpha (x - x').
  void set_point(std::int64_t example, double alpha) {
    for (std::size_t f = 0; f < graph_->inputs().size(); ++f) {
      const std::string& name = graph_->value(graph_->inputs()[f]).name;
      Array x = setup_->inputs.example(name, example);
      if (setup_->baselines.contains(name)) x = between(setup_->baseline(name, example), x, alpha);
      for (std::int64_t b = 0; b < batch_; ++b) {
        engine::from_host(device(), x, engine::slot_of(plan_->feed(f), b, batch_));
      }
    }
    plan_->forward(setup_->poll.get());
  }

  /// One backward pass: slot b holds the b-th of these neurons; slots without one repeat the last.
  void run(std::span<const std::int64_t> neurons) {
    for (std::int64_t b = 0; b < batch_; ++b) {
      const kernels::Tensor seed = engine::slot_of(plan_->seed(0), b, batch_);
      Array cotangent(DType::f64, seed.shape());
      const std::size_t last = neurons.size() - 1;
      cotangent.as<double>()[static_cast<std::size_t>(neurons[std::min(static_cast<std::size_t>(b), last)])] = 1;
      engine::from_host(device(), cotangent, seed);
    }
    plan_->backward(setup_->poll.get());
  }

  /// The gradient at input i (of PathSources::inputs) in slot b.
  [[nodiscard]] Array gradient(std::size_t i, std::int64_t b) {
    return engine::to_host(device(), engine::slot_of(plan_->gradient(i), b, batch_));
  }

  /// x - x' of every interpolated input.
  [[nodiscard]] std::vector<std::vector<double>> differences(std::int64_t example) const {
    std::vector<std::vector<double>> result;
    for (const ValueId id : moving_) {
      const std::string& name = graph_->value(id).name;
      const Array x = setup_->inputs.example(name, example);
      const Array from = setup_->baseline(name, example);
      std::vector<double> difference;
      for (std::int64_t k = 0; k < x.size(); ++k) difference.push_back(x.at(k) - from.at(k));
      result.push_back(std::move(difference));
    }
    return result;
  }

 private:
  [[nodiscard]] kernels::Device& device() const { return *setup_->network->device(); }

  static Array between(const Array& from, const Array& to, double alpha) {
    Array result(DType::f64, to.shape());
    const auto out = result.as<double>();
    for (std::int64_t k = 0; k < to.size(); ++k) {
      out[static_cast<std::size_t>(k)] = alpha == 1 ? to.at(k) : from.at(k) + alpha * (to.at(k) - from.at(k));
    }
    return result;
  }

  const Setup* setup_;
  std::int64_t batch_;
  std::shared_ptr<const graph::Graph> graph_;
  std::vector<ValueId> moving_;
  std::unique_ptr<Plan> plan_;
};

/// Gradients may lose their way in front of the layer, too.
Setup with_inputs_as_layers(Setup setup) {
  setup.layers.clear();
  for (const graph::ValueId id : setup.sources.inputs) {
    setup.layers.push_back({setup.graph->value(id).name, "", "Input", false, false});
  }
  return setup;
}

}  // namespace

void conductance(const Setup& setup, const Request& request, Result& result) {
  if (!setup.sources.embedded.empty()) {
    throw Error(Code::kUnsupported,
                "conductance is computed along paths that begin at real inputs, not at tensors behind them: use nig");
  }
  const Quadrature rule = request.quadrature == Quadrature::kAdaptive ? Quadrature::kTrapezoid : request.quadrature;
  const std::int64_t steps = request.steps > 0 ? request.steps : kDefaultSteps;
  const std::vector<PathNode> nodes = path_nodes(rule, steps);
  Evaluator evaluator(setup, request.target, 1, {.optimize = request.optimize, .use_affine_prefix = false});
  const auto chosen = static_cast<std::int64_t>(request.neurons.size());
  result.micro_batch = chosen > 0 ? std::min(setup.micro_batch, chosen) : setup.micro_batch;
  std::vector<NeuronGradients> layers;
  for (const LayerChoice& layer : setup.layers) {
    layers.emplace_back(setup, layer.name, result.micro_batch, request.optimize);
  }
  ProgressReport progress(request, setup.inputs.count);

  const auto add_layer = [&](std::size_t l, std::int64_t example, const PathNode& node) {
    NeuronGradients& neurons = layers[l];
    const Array g = engine::to_host(evaluator.device(), evaluator.gradient(l, 0));
    const auto out = values_of(result.layers[l], example, setup.inputs.count);
    const auto differences = neurons.differences(example);
    neurons.set_point(example, node.alpha);
    std::int64_t passes = 0;
    std::vector<std::int64_t> wanted = request.neurons;
    if (wanted.empty()) {
      wanted.resize(static_cast<std::size_t>(g.size()));
      std::iota(wanted.begin(), wanted.end(), 0);
    }
    const auto batch = static_cast<std::size_t>(neurons.batch());
    for (std::size_t first = 0; first < wanted.size(); first += batch) {
      const auto some = std::span(wanted).subspan(first, std::min(batch, wanted.size() - first));
      neurons.run(some);
      for (std::size_t b = 0; b < some.size(); ++b) {
        ++passes;
        // With the split, out is [neurons, inputs]; without, [neurons].
        const std::size_t row = (first + b) * (out.size() / wanted.size());
        std::size_t column = 0;
        for (std::size_t i = 0; i < differences.size(); ++i) {
          const Array slope = neurons.gradient(i, static_cast<std::int64_t>(b));
          for (std::size_t k = 0; k < differences[i].size(); ++k, ++column) {
            const double factor = request.multipliers ? 1 : differences[i][k];
            const double part = node.weight * g.at(some[b]) * slope.at(static_cast<std::int64_t>(k)) * factor;
            out[request.split_by_input ? row + column : row] += part;
          }
        }
      }
    }
    return passes;
  };

  for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
    ExamplePath path = evaluator.path(n);
    const auto e = static_cast<std::size_t>(n);
    for (const PathNode& node : nodes) {
      const PathPoint point{&path, node.alpha};
      evaluator.evaluate({&point, 1});
      ++result.evaluations[e];
      if (node.alpha == 1) result.f_input[e] = evaluator.target(0);
      if (node.alpha == 0) result.f_baseline[e] = evaluator.target(0);
      std::int64_t passes = 1;
      for (std::size_t l = 0; node.weight != 0 && l < layers.size(); ++l) {
        const std::int64_t added = add_layer(l, n, node);
        result.evaluations[e] += added;
        passes += added;
      }
      progress.report(n, passes);
    }
    result.target[e] = path.target->index;
    result.steps[e] = steps;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto values = values_of(result.layers[l], n, setup.inputs.count);
      if (std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) continue;
      std::vector<double> alphas;
      for (const PathNode& node : nodes) alphas.push_back(node.alpha);
      refuse(with_inputs_as_layers(setup), request.target, {},
             {fmt::format("the conductance of layer '{}'", setup.layers[l].name), n, std::move(alphas)});
    }
  }
}

}  // namespace mho::attribution
