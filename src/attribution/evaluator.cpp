// Runs a model at points of paths: values, target and gradients of the layers, many points at a time.
#include "attribution/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "attribution/non_finite.h"
#include "engine/slots.h"

namespace mho::attribution {

using graph::Graph;
using graph::index;
using graph::ValueId;

namespace {

/// Flops that the prefix must save per interpolated element: interpolation is bound by memory, and a convolution that
/// is cut off loses the ReLU fused behind it.
constexpr double kFlopsPerElement = 400;

/// Flops of one point above which all threads work on one point: every verb is long enough for them, and lanes would
/// share the caches.
constexpr double kSmallFlops = 5e8;

}  // namespace

/// Where the plan is fed.
struct Evaluator::Feeds {
  std::vector<ValueId> values;
  bool at_inputs = true;
};

/// Where the values end that are affine in what moves.
struct Evaluator::Frontier {
  std::vector<ValueId> values;
  double flops = 0;  ///< of one point, up to there
  std::int64_t elements = 0;
};

/// `past_layers`: also behind requested layers.
Evaluator::Frontier Evaluator::affine_frontier(const Graph& graph, bool past_layers) const {
  std::vector<bool> is_layer(graph.value_count(), false);
  if (!past_layers) {
    for (const LayerChoice& layer : setup_->layers) is_layer[index(graph.find(layer.name))] = true;
  }
  // Inside: inputs, and affine values none of whose ancestors is a layer.
  std::vector<bool> inside(graph.value_count(), false);
  for (const ValueId id : graph.inputs()) inside[index(id)] = true;
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
  Frontier result;
  std::vector<kernels::TensorType> inputs, outputs;
  for (const graph::Node& node : graph.nodes()) {
    const bool is_inside = std::ranges::all_of(node.outputs, [&](ValueId id) { return inside[index(id)]; });
    if (is_inside) {
      inputs.clear();
      outputs.clear();
      for (const ValueId id : node.inputs) inputs.push_back(graph.value(id).type);
      for (const ValueId id : node.outputs) outputs.push_back(graph.value(id).type);
      result.flops += node.primitive->flops(inputs, outputs);
      continue;
    }
    for (const ValueId id : node.inputs) {
      if (inside[index(id)]) frontier[index(id)] = true;
    }
  }
  for (std::size_t i = 0; i < frontier.size(); ++i) {
    if (inside[i] && (is_layer[i] || static_cast<ValueId>(i) == setup_->target.value)) frontier[i] = true;
    if (!frontier[i]) continue;
    result.elements += graph.value(static_cast<ValueId>(i)).type.elements();
    result.values.push_back(static_cast<ValueId>(i));
  }
  return result;
}

// Affine prefix (MATHS.md section 2): a value that is affine in the inputs, and not behind a requested layer (whose
// gradient needs everything behind it), is interpolated between its two end values instead of being recomputed.
Evaluator::Feeds Evaluator::choose_feeds(const Graph& graph, bool allow_prefix) const {
  const std::vector<ValueId>& embedded = setup_->sources.embedded;
  Feeds least{{graph.inputs().begin(), graph.inputs().end()}, embedded.empty()};
  least.values.insert(least.values.end(), embedded.begin(), embedded.end());
  const auto several = setup_->network->graph(lane_batch_);
  if (several->value_count() != graph.value_count()) {
    throw Error(Code::kInternal, "specialisations of one model to two batch sizes differ in structure");
  }
  // A tensor with a baseline of its own is not what the baselines of the inputs lead to.
  const bool own_baseline =
      std::ranges::any_of(embedded, [&](ValueId id) { return setup_->baselines.contains(graph.value(id).name); });
  if (!allow_prefix || own_baseline) return least;
  Frontier frontier = affine_frontier(graph, false);
  const bool only_sources = std::ranges::all_of(
      frontier.values, [&](ValueId id) { return std::ranges::find(least.values, id) != least.values.end(); });
  if (only_sources || frontier.flops < kFlopsPerElement * static_cast<double>(frontier.elements)) return least;
  const std::vector<bool> cut =
      lane_batch_ > 1 ? setup_->network->cut_by_batch(frontier.values, setup_->poll.get()) : std::vector<bool>{};
  if (std::ranges::find(cut, false) != cut.end()) return least;
  return {std::move(frontier.values), false};
}

void Evaluator::grade(std::span<PathEnds> paths) const {
  if (stage_) return stage_->grade(paths);
  for (PathEnds& path : paths) {
    Reach reach;
    for (std::size_t i = 0; i < interpolated_.size(); ++i) {
      if (interpolated_[i]) reach.add((*path.from)[i].view(), (*path.to)[i].view());
    }
    path.grading = reach.grading();
  }
}

std::int64_t lane_batch_for(const Setup& setup) {
  return setup.micro_batch_is_given ? setup.micro_batch / lanes_for(setup) : setup.micro_batch;
}

std::int64_t lanes_for(const Setup& setup) {
  double flops = 0;
  std::vector<kernels::TensorType> inputs, outputs;
  const Graph& graph = *setup.graph;
  for (const graph::Node& node : graph.nodes()) {
    inputs.clear();
    outputs.clear();
    for (const ValueId id : node.inputs) inputs.push_back(graph.value(id).type);
    for (const ValueId id : node.outputs) outputs.push_back(graph.value(id).type);
    flops += node.primitive->flops(inputs, outputs);
  }
  const auto threads = static_cast<std::int64_t>(setup.network->lanes().size());
  const bool enough = setup.batched && (!setup.micro_batch_is_given || setup.micro_batch >= threads);
  return threads > 1 && enough && flops < kSmallFlops ? threads : 1;
}

Evaluator::Evaluator(const Setup& setup, const Target& target, std::int64_t batch, const EvaluatorOptions& options)
    : setup_(&setup), wanted_(&target), options_(options), lane_batch_(batch) {
  if (options.lanes > 1) {
    for (const auto& lane : setup.network->lanes()) lanes_.push_back({{}, lane, {}});
    lane_batch_ = (batch + options.lanes - 1) / options.lanes;
  } else {
    lanes_.push_back({{}, setup.network->device(), {}});
  }
  const Graph& one = *setup.graph;
  // Integer inputs and the like have no baseline: they stay as they are, example by example.
  one_baseline_ = setup.one_baseline() && std::ranges::all_of(one.inputs(), [&](ValueId id) {
                    return setup.baselines.contains(one.value(id).name);
                  });
  const auto graph = setup.network->graph(lane_batch_);
  const auto& device = setup.network->device();
  const engine::PlanOptions plan_options{options.optimize, false, options.keep_values};
  engine::PlanOptions main_options = plan_options;
  if (options.chain) main_options.chain = lane_batch_;
  const Feeds feeds = choose_feeds(one, options.use_affine_prefix && options.optimize);

  engine::PlanRequest request;
  if (feeds.at_inputs) {
    request.feeds.assign(graph->inputs().begin(), graph->inputs().end());
    for (const ValueId id : request.feeds) fed_inputs_.push_back(graph->value(id).name);
  } else {
    request.feeds = feeds.values;
    constexpr std::int64_t kBytesAhead = std::int64_t{16} << 20;
    prefix_batch_ = lane_batch_ > 1 ? ends_at_once(setup, feeds.values, one_baseline_, kBytesAhead) : 1;
    const auto prefix_graph = setup.network->graph(prefix_batch_);
    prefix_ = setup.network->plans().lend(
        prefix_graph,
        engine::PlanRequest{{prefix_graph->inputs().begin(), prefix_graph->inputs().end()}, feeds.values, {}, {}},
        device, plan_options, setup.poll.get());
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
      lane_batch_ == 1 ? setup.target.value : find_target(*graph, setup.requested_output, setup.probability).value;
  if (options.gradients) {
    request.gradients = request.fetches;
    request.seeds = {wanted};
  }
  request.fetches.push_back(wanted);
  if (options.multipliers || options.relevance_of) {
    request.rule_of = options.rule_of;
    request.relevance_of = options.relevance_of;
    for (std::size_t i = 0; i < request.feeds.size(); ++i) {
      if (interpolated_[i]) request.moving.push_back(request.feeds[i]);
    }
  }
  if (options_.graded) {
    // From what is fed to what it leads to while it is affine.
    const std::vector<ValueId> fed =
        feeds.at_inputs ? std::vector<ValueId>(one.inputs().begin(), one.inputs().end()) : feeds.values;
    const Frontier frontier = affine_frontier(one, true);
    if (frontier.values != fed && !frontier.values.empty())
      stage_.emplace(setup, fed, frontier.values, one_baseline_, plan_options);
  }
  for (Lane& lane : lanes_) {
    lane.plan = setup.network->plans().lend(graph, request, lane.device, main_options, setup.poll.get());
    lane.seeded.assign(static_cast<std::size_t>(lane_batch_), -1);
  }
  for (std::size_t l = 0; l < layer_count(); ++l) layer_types_.push_back(slot(plan().fetch(l), 0).type);
}

Tensor Evaluator::slot(const Tensor& whole, std::int64_t index) const {
  return engine::slot_of(whole, index, lane_batch_);
}

void Evaluator::in_lanes(std::span<const PathPoint> points,
                         const std::function<void(Lane&, std::span<const PathPoint>)>& body) {
  point_count_ = points.size();
  const auto run = [&](std::size_t lane) {
    const std::size_t first = first_of_lane(lane, points.size());
    const std::size_t last = first_of_lane(lane + 1, points.size());
    if (first < last) body(lanes_[lane], points.subspan(first, last - first));
  };
  kernels::run_lanes(lanes_.size(), std::ref(run));  // a std::function of it would be allocated
}

void Evaluator::for_each_lane(const std::function<void(std::size_t, std::size_t)>& body) const {
  kernels::run_lanes(lanes_.size(), [&](std::size_t lane) {
    const std::size_t first = first_of_lane(lane, point_count_);
    const std::size_t end = first_of_lane(lane + 1, point_count_);
    if (first < end) body(first, end);
  });
}

Array Evaluator::input_at(const std::string& name, std::int64_t example, std::int64_t reference, bool at_input) const {
  return at_input || !setup_->baselines.contains(name) ? setup_->inputs.example(name, example)
                                                       : setup_->baseline(name, reference);
}

/// What is fed at ends of paths, several at once: a product with one row takes as long as one with many.
std::vector<PathEnd> Evaluator::behind_prefix(std::span<const End> ends) {
  kernels::Device& dev = device();
  for (std::size_t i = 0; i < prefix_inputs_.size(); ++i) {
    // Slots that are left over repeat the last: what lies there may be no index.
    for (std::int64_t s = 0; s < prefix_batch_; ++s) {
      const End& end = ends[std::min(static_cast<std::size_t>(s), ends.size() - 1)];
      engine::from_host(dev, input_at(prefix_inputs_[i], end.example, end.reference, end.at_input),
                        engine::slot_of(prefix_->feed(i), s, prefix_batch_));
    }
  }
  prefix_->forward(setup_->poll.get());
  std::vector<std::vector<OwnedTensor>> result(ends.size());
  for (std::size_t i = 0; i < interpolated_.size(); ++i) {
    const kernels::TensorType type = slot(plan().feed(i), 0).type;
    Tensor computed = engine::slot_of(prefix_->fetch(i), 0, prefix_batch_);
    for (std::size_t s = 0; s < ends.size(); ++s, computed.data += computed.type.bytes()) {
      OwnedTensor& value = result[s].emplace_back(type);
      if (!ends[s].at_input && !fed_tensors_[i].empty()) {
        engine::from_host(dev, setup_->baseline(fed_tensors_[i], ends[s].reference), value.view());
      } else if (computed.type == type) {
        value.copy_from(computed);
      } else {
        // The plan takes feeds in plain layout; the prefix may compute them blocked.
        engine::from_host(dev, engine::to_host(dev, computed), value.view());
      }
    }
  }
  std::vector<PathEnd> shared;
  for (auto& values : result) shared.push_back(std::make_shared<const std::vector<OwnedTensor>>(std::move(values)));
  return shared;
}

/// As many as the prefix takes: examples are asked for in turn, each for x' and then for x.
std::vector<Evaluator::End> Evaluator::with_next(const End& end) const {
  std::vector<End> ends{end};
  const auto full = [&] { return static_cast<std::int64_t>(ends.size()) >= prefix_batch_; };
  for (std::int64_t n = end.example; end.example == end.reference && n < setup_->inputs.count; ++n) {
    for (const bool at_input : {false, true}) {
      if (full()) return ends;
      const End next{n, n, at_input};
      if (next != end && (at_input || !one_baseline_)) ends.push_back(next);
    }
  }
  return ends;
}

PathEnd Evaluator::end(std::int64_t example, std::int64_t reference, bool at_input) {
  const End wanted = !at_input && one_baseline_ ? End{0, 0, false} : End{example, reference, at_input};
  const auto known = std::ranges::find(ahead_, wanted, [](const auto& one) { return one.first; });
  if (known != ahead_.end()) return known->second;
  std::erase_if(ahead_, [&](const auto& one) { return !one_baseline_ || one.first.at_input; });
  if (prefix_) {
    const std::vector<End> ends = with_next(wanted);
    const std::vector<PathEnd> values = behind_prefix(ends);
    for (std::size_t s = 0; s < ends.size(); ++s) ahead_.emplace_back(ends[s], values[s]);
    return values[0];
  }
  std::vector<OwnedTensor> values;
  for (std::size_t i = 0; i < fed_inputs_.size(); ++i) {
    values.emplace_back(slot(plan().feed(i), 0).type);
    engine::from_host(device(), input_at(fed_inputs_[i], example, reference, at_input), values.back().view());
  }
  ahead_.emplace_back(wanted, std::make_shared<const std::vector<OwnedTensor>>(std::move(values)));
  return ahead_.back().second;
}

ExamplePath Evaluator::path(std::int64_t example, std::int64_t reference) {
  auto known = std::ranges::find_if(
      paths_ahead_, [&](const PathEnds& ends) { return ends.example == example && ends.reference == reference; });
  if (known == paths_ahead_.end()) {
    // Examples are asked for in turn.
    const std::int64_t count = stage_ && example == reference ? stage_->paths_at_once() : 1;
    paths_ahead_.clear();
    for (std::int64_t n = example; n < std::min(setup_->inputs.count, example + count); ++n) {
      const std::int64_t own = n == example ? reference : n;
      paths_ahead_.push_back({n, own, end(n, own, false), end(n, own, true)});
    }
    if (options_.graded) grade(paths_ahead_);
    known = paths_ahead_.begin();
  }
  ExamplePath path;
  path.example = example;
  path.from = known->from;
  path.to = known->to;
  path.grading = known->grading;
  return path;
}

void Evaluator::feed(Lane& lane, std::span<const PathPoint> points, Run run) const {
  for (std::size_t i = 0; i < interpolated_.size(); ++i) {
    Tensor to = slot(run == Run::input ? lane.plan->feed(i) : lane.plan->reference_feed(i), 0);
    const std::size_t bytes = to.type.bytes();
    for (const PathPoint& point : points) {
      const Tensor& from = (*point.path->from)[i].view();
      const Tensor& input = (*point.path->to)[i].view();
      // The ends exactly, not to rounding.
      if (!interpolated_[i] || point.alpha == 1 || point.alpha == 0) {
        std::memcpy(to.data, interpolated_[i] && point.alpha == 0 ? from.data : input.data, bytes);
      } else {
        lane.device->interpolate(from, input, point.alpha, to);
      }
      to.data += bytes;
    }
  }
}

double Evaluator::read_target(const Tensor& values, const ExamplePath& path) const {
  double f = 0;
  for (const auto& [element, weight] : path.target->weights) {
    f += weight * engine::element_of(device(), values, element);
  }
  return f;
}

void Evaluator::choose_target(const Tensor& values, ExamplePath& path) const {
  const Array all = engine::to_host(device(), values);
  path.target =
      resolve(*wanted_, setup_->subtract_class_mean, path.example, setup_->target.output_shape, all.as<double>());
}

void Evaluator::require_finite(double target, const PathPoint& point) const {
  if (std::isfinite(target)) return;
  const std::string what = fmt::format("the target '{}'", setup_->target.name);
  refuse(*setup_, *wanted_, options_, {what, point.path->example, {point.alpha}});
}

double Evaluator::target(std::size_t point, const ExamplePath& path) const {
  const auto [lane, index] = place(point);
  return read_target(slot(lane->plan->fetch(layer_count()), index), path);
}

void Evaluator::run_forward(std::span<const PathPoint> points) {
  in_lanes(points, [&](Lane& lane, std::span<const PathPoint> own) {
    feed(lane, own);
    lane.plan->forward(setup_->poll.get());
    // What the target of a path is shows at alpha = 1.
    Tensor values = slot(lane.plan->fetch(layer_count()), 0);
    for (const PathPoint& point : own) {
      if (point.alpha == 1 && !point.path->target) choose_target(values, *point.path);
      values.data += values.type.bytes();
    }
  });
  for (const PathPoint& point : points) {
    if (!point.path->target) throw Error(Code::kInternal, "a path must be visited at alpha = 1 first");
  }
  targets_.assign(points.size(), 0);
}

void Evaluator::read_targets(const Lane& lane, std::span<const PathPoint> points, double* targets) const {
  Tensor values = slot(lane.plan->fetch(layer_count()), 0);
  for (const PathPoint& point : points) {
    *targets++ = read_target(values, *point.path);
    values.data += values.type.bytes();
  }
}

void Evaluator::read_reference_targets(std::span<const PathPoint> points) {
  reference_targets_.clear();
  for (std::size_t p = 0; p < points.size(); ++p) {
    const auto [lane, index] = place(p);
    const Tensor values = slot(lane->plan->reference_fetch(layer_count()), index);
    reference_targets_.push_back(read_target(values, *points[p].path));
    require_finite(reference_targets_.back(), {points[p].path, 0});
  }
}

void Evaluator::seed_all(Lane& lane, std::span<const PathPoint> points) const {
  Tensor seed = slot(lane.plan->seed(0), 0);
  for (std::size_t p = 0; p < points.size(); ++p, seed.data += seed.type.bytes()) {
    const ExamplePath& path = *points[p].path;
    if (lane.seeded[p] == path.example) continue;
    engine::write_terms(*lane.device, path.target->weights, seed);
    lane.seeded[p] = path.example;
  }
}

void Evaluator::evaluate(std::span<const PathPoint> points) {
  run_forward(points);
  in_lanes(points, [&](Lane& lane, std::span<const PathPoint> own) {
    read_targets(lane, own, targets_.data() + (own.data() - points.data()));
    if (plan().gradient_count() == 0) return;
    seed_all(lane, own);
    lane.plan->backward(setup_->poll.get());
  });
  for (std::size_t p = 0; p < points.size(); ++p) require_finite(targets_[p], points[p]);
  if (options_.multipliers && !options_.chain && plan().gradient_count() > 0) read_reference_targets(points);
}

std::vector<engine::NodeResidual> Evaluator::audit(std::span<const PathPoint> points) {
  run_forward(points);
  read_targets(lanes_.front(), points, targets_.data());
  for (std::size_t p = 0; p < points.size(); ++p) require_finite(targets_[p], points[p]);
  seed_all(lanes_.front(), points);
  std::vector<engine::NodeResidual> residuals = lanes_.front().plan->audit();
  read_reference_targets(points);
  return residuals;
}

void Evaluator::evaluate_reference(std::span<const PathPoint> points) {
  in_lanes(points, [&](Lane& lane, std::span<const PathPoint> own) {
    feed(lane, own, Run::reference);
    lane.plan->forward_reference(setup_->poll.get());
  });
}

Tensor Evaluator::reference_value(std::size_t layer, std::size_t point, std::size_t count) const {
  const auto [lane, index] = place(point);
  return engine::slots_of(lane->plan->reference_fetch(layer), index, static_cast<std::int64_t>(count), lane_batch_);
}

Tensor Evaluator::value(std::size_t layer, std::size_t point, std::size_t count) const {
  const auto [lane, index] = place(point);
  return engine::slots_of(lane->plan->fetch(layer), index, static_cast<std::int64_t>(count), lane_batch_);
}

Tensor Evaluator::gradient(std::size_t layer, std::size_t point, std::size_t count) const {
  const auto [lane, index] = place(point);
  return engine::slots_of(lane->plan->gradient(layer), index, static_cast<std::int64_t>(count), lane_batch_);
}

engine::NonFinite Evaluator::non_finite(ExamplePath& path, double alpha, double reference) {
  // Every slot gets the point: leftovers of earlier ones must not be blamed.
  Lane& lane = lanes_.front();
  const auto feed_all = [&](double at, Run run) {
    feed(lane, std::vector<PathPoint>(static_cast<std::size_t>(lane_batch_), {&path, at}), run);
  };
  if (options_.multipliers) {
    feed_all(reference, Run::reference);
    lane.plan->forward_reference();
  }
  feed_all(alpha, Run::input);
  engine::NonFinite found = engine::non_finite_forward(*lane.plan);
  if (found.any() || plan().gradient_count() == 0) return found;
  if (!path.target) {
    feed_all(1, Run::input);
    lane.plan->forward();
    choose_target(slot(lane.plan->fetch(layer_count()), 0), path);
    feed_all(alpha, Run::input);
    lane.plan->forward();
  }
  seed_all(lane, std::vector<PathPoint>(static_cast<std::size_t>(lane_batch_), {&path, alpha}));
  return engine::non_finite_backward(*lane.plan);
}

}  // namespace mho::attribution
