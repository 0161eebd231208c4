// Runs a model at points of paths: values, target and gradients of the layers, many points at a time.
#include "attribution/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/slots.h"

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

/// Flops that the prefix must save per interpolated element: interpolation is bound by memory, and a convolution that
/// is cut off loses the ReLU fused behind it.
constexpr double kFlopsPerElement = 400;

}  // namespace

/// Where the plan is fed.
struct Evaluator::Feeds {
  std::vector<ValueId> values;
  bool at_inputs = true;
};

// Affine prefix (MATHS.md section 2): a value that is affine in the inputs, and not behind a requested layer (whose
// gradient needs everything behind it), is interpolated between its two end values instead of being recomputed.
Evaluator::Feeds Evaluator::choose_feeds(const Graph& graph, bool allow_prefix) const {
  const std::vector<ValueId>& embedded = setup_->sources.embedded;
  Feeds least{{graph.inputs().begin(), graph.inputs().end()}, embedded.empty()};
  least.values.insert(least.values.end(), embedded.begin(), embedded.end());
  const auto several = setup_->network->graph(batch_);
  if (several->value_count() != graph.value_count()) {
    throw Error(Code::kInternal, "specialisations of one model to two batch sizes differ in structure");
  }
  // A tensor with a baseline of its own is not what the baselines of the inputs lead to.
  const bool own_baseline =
      std::ranges::any_of(embedded, [&](ValueId id) { return setup_->baselines.contains(graph.value(id).name); });
  if (!allow_prefix || own_baseline) return least;

  std::vector<bool> is_layer(graph.value_count(), false);
  for (const LayerChoice& layer : setup_->layers) is_layer[index(graph.find(layer.name))] = true;
  // Inside the prefix: inputs, and affine values none of whose ancestors is a layer.
  std::vector<bool> inside(graph.value_count(), false);
  for (const ValueId id : graph.inputs()) inside[index(id)] = true;
  double saved_flops = 0;
  for (const graph::Node& node : graph.nodes()) {
    const bool fed = std::ranges::all_of(
        node.inputs, [&](ValueId id) { return graph.is_constant(id) || (inside[index(id)] && !is_layer[index(id)]); });
    const bool affine = std::ranges::all_of(node.outputs, [&](ValueId id) {
      return !setup_->facts.active[index(id)] || setup_->facts.affine_from_input[index(id)];
    });
    if (!fed || !affine) continue;
    for (const ValueId id : node.outputs) inside[index(id)] = true;
  }
  // The frontier: values inside that something outside reads, or that are wanted themselves.
  std::vector<bool> frontier(graph.value_count(), false);
  std::vector<kernels::TensorType> inputs, outputs;
  for (const graph::Node& node : graph.nodes()) {
    const bool is_inside = std::ranges::all_of(node.outputs, [&](ValueId id) { return inside[index(id)]; });
    if (is_inside) {
      inputs.clear();
      outputs.clear();
      for (const ValueId id : node.inputs) inputs.push_back(graph.value(id).type);
      for (const ValueId id : node.outputs) outputs.push_back(graph.value(id).type);
      saved_flops += node.primitive->flops(inputs, outputs);
      continue;
    }
    for (const ValueId id : node.inputs) {
      if (inside[index(id)]) frontier[index(id)] = true;
    }
  }
  for (std::size_t i = 0; i < frontier.size(); ++i) {
    if (inside[i] && (is_layer[i] || static_cast<ValueId>(i) == setup_->target.value)) frontier[i] = true;
  }
  Feeds feeds{{}, false};
  std::int64_t elements = 0;
  bool only_sources = true;
  for (std::size_t i = 0; i < frontier.size(); ++i) {
    if (!frontier[i]) continue;
    const auto id = static_cast<ValueId>(i);
    only_sources = only_sources && std::ranges::find(least.values, id) != least.values.end();
    elements += graph.value(id).type.elements();
    feeds.values.push_back(id);
  }
  if (only_sources || saved_flops < kFlopsPerElement * static_cast<double>(elements)) return least;
  const std::vector<bool> cut = batch_ > 1 ? setup_->network->cut_by_batch(feeds.values) : std::vector<bool>{};
  return std::ranges::find(cut, false) == cut.end() ? feeds : least;
}

Evaluator::Evaluator(const Setup& setup, const Target& target, std::int64_t batch, const EvaluatorOptions& options)
    : setup_(&setup), wanted_(&target), batch_(batch), multipliers_(options.multipliers) {
  const Graph& one = *setup.graph;
  const auto graph = setup.network->graph(batch);
  const auto device = setup.network->device();
  const engine::PlanOptions plan_options{options.optimize, false, options.keep_values};
  engine::PlanOptions main_options = plan_options;
  main_options.walk = options.walk;
  const Feeds feeds = choose_feeds(one, options.use_affine_prefix && options.optimize);

  engine::PlanRequest request;
  if (feeds.at_inputs) {
    request.feeds.assign(graph->inputs().begin(), graph->inputs().end());
    for (const ValueId id : request.feeds) fed_inputs_.push_back(graph->value(id).name);
  } else {
    request.feeds = feeds.values;
    prefix_ = setup.network->plans().lend(
        setup.graph, engine::PlanRequest{{one.inputs().begin(), one.inputs().end()}, feeds.values, {}, {}}, device,
        plan_options);
    for (const ValueId id : one.inputs()) prefix_inputs_.push_back(one.value(id).name);
    for (const ValueId id : feeds.values) {
      const std::string& name = one.value(id).name;
      const bool behind = std::ranges::find(setup.sources.embedded, id) != setup.sources.embedded.end();
      fed_tensors_.push_back(behind && setup.baselines.contains(name) ? name : "");
    }
  }
  for (const ValueId id : request.feeds) interpolated_.push_back(setup.facts.active[index(id)]);
  for (const LayerChoice& layer : setup.layers) request.fetches.push_back(graph->find(layer.name));
  const ValueId wanted =
      batch == 1 ? setup.target.value : find_target(*graph, setup.requested_output, setup.probability).value;
  if (options.gradients) {
    request.gradients = request.fetches;
    request.seeds = {wanted};
  }
  request.fetches.push_back(wanted);
  if (options.multipliers) {
    request.rule_of = options.rule_of;
    for (std::size_t i = 0; i < request.feeds.size(); ++i) {
      if (interpolated_[i]) request.moving.push_back(request.feeds[i]);
    }
  }
  plan_ = setup.network->plans().lend(graph, request, device, main_options);
  for (std::size_t l = 0; l < layer_count(); ++l) {
    layer_types_.push_back(engine::slot_of(plan_->fetch(l), 0, batch).type);
  }
  seeded_.assign(static_cast<std::size_t>(batch), -1);
  seeded_on_other_side_ = seeded_;
}

ExamplePath Evaluator::path(std::int64_t example, std::int64_t reference) {
  ExamplePath path;
  path.example = example;
  kernels::Device& dev = device();
  const auto end = [&](bool at_input, std::vector<OwnedTensor>& values) {
    const auto array = [&](const std::string& name) {
      return at_input || !setup_->baselines.contains(name) ? setup_->inputs.example(name, example)
                                                           : setup_->baseline(name, reference);
    };
    const std::vector<std::string>& names = prefix_ ? prefix_inputs_ : fed_inputs_;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (prefix_) {
        engine::from_host(dev, array(names[i]), prefix_->feed(i));
      } else {
        const Tensor slot = engine::slot_of(plan_->feed(i), 0, batch_);
        OwnedTensor value(slot.type);
        engine::from_host(dev, array(names[i]), value.view());
        values.push_back(std::move(value));
      }
    }
    if (!prefix_) return;
    prefix_->forward();
    for (std::size_t i = 0; i < interpolated_.size(); ++i) {
      // The plan takes feeds in plain layout; the prefix may compute them blocked.
      OwnedTensor value(engine::slot_of(plan_->feed(i), 0, batch_).type);
      const bool own_baseline = !at_input && !fed_tensors_[i].empty();
      engine::from_host(
          dev, own_baseline ? setup_->baseline(fed_tensors_[i], reference) : engine::to_host(dev, prefix_->fetch(i)),
          value.view());
      values.push_back(std::move(value));
    }
  };
  end(false, path.from);
  end(true, path.to);
  return path;
}

void Evaluator::feed(std::span<const PathPoint> points, Run run) {
  kernels::Device& dev = device();
  for (std::size_t p = 0; p < points.size(); ++p) {
    ExamplePath& path = *points[p].path;
    for (std::size_t i = 0; i < interpolated_.size(); ++i) {
      const Tensor& whole = run == Run::input ? plan_->feed(i) : plan_->reference_feed(i);
      const Tensor slot = engine::slot_of(whole, static_cast<std::int64_t>(p), batch_);
      // The ends exactly, not to rounding.
      const bool at_end = !interpolated_[i] || points[p].alpha == 1 || points[p].alpha == 0;
      if (at_end) {
        OwnedTensor& end = interpolated_[i] && points[p].alpha == 0 ? path.from[i] : path.to[i];
        std::memcpy(slot.data, end.view().data, slot.type.bytes());
      } else {
        dev.interpolate(path.from[i].view(), path.to[i].view(), points[p].alpha, slot);
      }
    }
  }
}

double Evaluator::read_target(std::size_t slot, const PathPoint& point, Run run) {
  const Tensor& whole = run == Run::input ? plan_->fetch(layer_count()) : plan_->reference_fetch(layer_count());
  const Tensor values = engine::slot_of(whole, static_cast<std::int64_t>(slot), batch_);
  ExamplePath& path = *point.path;
  if (!path.target) {
    if (point.alpha != 1) throw Error(Code::kInternal, "a path must be visited at alpha = 1 first");
    const Array all = engine::to_host(device(), values);
    path.target =
        resolve(*wanted_, setup_->subtract_class_mean, path.example, setup_->target.output_shape, all.as<double>());
  }
  double f = 0;
  for (const auto& [index, weight] : path.target->weights) f += weight * engine::element_of(device(), values, index);
  if (!std::isfinite(f)) {
    const std::string where = first_non_finite({&point, 1});
    throw Error(
        Code::kNumeric,
        fmt::format("the target '{}' of example {} is not finite at alpha = {}: the first tensor with a NaN or "
                    "infinity is '{}'",
                    setup_->target.name, path.example, point.alpha, where.empty() ? setup_->target.name : where));
  }
  return f;
}

void Evaluator::seed(std::size_t slot, const ExamplePath& path) {
  if (seeded_[slot] == path.example) return;
  const Tensor t = engine::slot_of(plan_->seed(0), static_cast<std::int64_t>(slot), batch_);
  Array cotangent(DType::f64, t.shape());
  for (const auto& [index, weight] : path.target->weights) {
    cotangent.as<double>()[static_cast<std::size_t>(index)] += weight;
  }
  engine::from_host(device(), cotangent, t);
  seeded_[slot] = path.example;
}

void Evaluator::run_forward(std::span<const PathPoint> points) {
  feed(points);
  plan_->forward();
  targets_.clear();
  for (std::size_t p = 0; p < points.size(); ++p) targets_.push_back(read_target(p, points[p]));
  if (plan_->gradient_count() == 0) return;
  for (std::size_t p = 0; p < points.size(); ++p) seed(p, *points[p].path);
}

void Evaluator::read_reference_targets(std::span<const PathPoint> points) {
  reference_targets_.clear();
  for (std::size_t p = 0; p < points.size(); ++p) {
    reference_targets_.push_back(read_target(p, {points[p].path, 0}, Run::reference));
  }
}

void Evaluator::evaluate(std::span<const PathPoint> points) {
  run_forward(points);
  if (plan_->gradient_count() == 0) return;
  plan_->backward();
  if (multipliers_) read_reference_targets(points);
}

std::vector<engine::NodeResidual> Evaluator::audit(std::span<const PathPoint> points) {
  run_forward(points);
  std::vector<engine::NodeResidual> residuals = plan_->audit();
  read_reference_targets(points);
  return residuals;
}

void Evaluator::evaluate_reference(std::span<const PathPoint> points) {
  feed(points, Run::reference);
  plan_->forward_reference();
}

void Evaluator::start_walk(std::span<const PathPoint> points) { run_forward(points); }

void Evaluator::walk_on(std::span<const PathPoint> points) {
  plan_->swap_runs();
  std::swap(seeded_, seeded_on_other_side_);
  run_forward(points);
  plan_->backward();
}

Tensor Evaluator::reference_value(std::size_t layer, std::size_t point) const {
  return engine::slot_of(plan_->reference_fetch(layer), static_cast<std::int64_t>(point), batch_);
}

Tensor Evaluator::value(std::size_t layer, std::size_t point) const {
  return engine::slot_of(plan_->fetch(layer), static_cast<std::int64_t>(point), batch_);
}

Tensor Evaluator::gradient(std::size_t layer, std::size_t point) const {
  return engine::slot_of(plan_->gradient(layer), static_cast<std::int64_t>(point), batch_);
}

std::string Evaluator::first_non_finite(std::span<const PathPoint> points) {
  // Every slot gets one of the points: leftovers of earlier ones must not be blamed.
  std::vector<PathPoint> all(points.begin(), points.end());
  all.resize(static_cast<std::size_t>(batch_), points.front());
  feed(all);
  return plan_->first_non_finite();
}

}  // namespace mho::attribution
