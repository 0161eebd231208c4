// One example's way along its path: which points it still needs, and when its sums are good enough.
#include "attribution/example_run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/sums.h"

namespace mho::attribution {

using kernels::Device;

namespace {

/// K of the first level: the difference to half as many is no safe estimate below 8 (MATHS.md section 2).
constexpr std::int64_t kFirstLevel = 8;
/// Of the last change, where sums are extrapolated: at least their error in 97 % and more of the cases, measured on
/// smooth MLPs and a transformer. A third of it would be the error of T_K itself.
constexpr double kSmoothShare = 0.5;

}  // namespace

ExampleRun::Stored::Stored(std::span<const kernels::TensorType> layers) {
  memory.reserve(2 * layers.size());
  for (const kernels::TensorType& type : layers) {
    view.y.push_back(memory.emplace_back(type).view());
    view.gradient.push_back(memory.emplace_back(type).view());
  }
}

void ExampleRun::Stored::copy(const PointView& point) {
  for (std::size_t l = 0; l < point.y.size(); ++l) {
    memory[2 * l].copy_from(point.y[l]);
    memory[2 * l + 1].copy_from(point.gradient[l]);
  }
  known = true;
}

ExampleRun::ExampleRun(ExamplePath path, const PathOptions& options, std::span<const kernels::TensorType> layers)
    : path_(std::move(path)), options_(options), layers_(layers), estimates_(layers.size()) {
  fine_ = std::make_unique<PathIntegral>(options.measure, options.rule, layers);
  coarse_ = std::make_unique<PathIntegral>(options.measure, options.rule, layers);
  if (!adaptive()) {
    start_level(options.steps);
  } else if (options.exact) {
    start_level(1);
  } else {
    start_level(kFirstLevel);
  }
  const bool cells = options.rule == Quadrature::kMidpoint || options.rule == Quadrature::kGaussLegendre;
  coarse_is_open_ = !options.exact && !cells && steps_ % 2 == 0;
}

void ExampleRun::start_level(std::int64_t steps) {
  steps_ = steps;
  nodes_ = path_nodes(options_.rule, steps);
  if (options_.rule == Quadrature::kAdaptive) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i].alpha = path_.alpha(static_cast<std::int64_t>(nodes_.size() - 1 - i), steps);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].weight = trapezoid_weight(i, 1);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (to_be_stored(i)) stored_.try_emplace(nodes_[i].alpha, layers_);
  }
  asked_ = 0;
  consumed_ = 0;
  fine_->reset();
}

bool ExampleRun::is_known(double alpha) const {
  const auto it = stored_.find(alpha);
  return it != stored_.end() && it->second.known;
}

std::optional<double> ExampleRun::next_point() {
  while (asked_ < nodes_.size() && is_known(nodes_[asked_].alpha)) ++asked_;
  if (asked_ == nodes_.size()) return std::nullopt;
  return nodes_[asked_++].alpha;
}

/// Half the way between the neighbours of node i, `stride` nodes away.
double ExampleRun::trapezoid_weight(std::size_t i, std::size_t stride) const {
  const double high = nodes_[i < stride ? 0 : i - stride].alpha;
  const double low = nodes_[std::min(nodes_.size() - 1, i + stride)].alpha;
  return (high - low) / 2;
}

/// The multiples of 1/S, S the largest power of two with S + 1 points within the allowance.
bool ExampleRun::to_be_stored(std::size_t node) const {
  if (!adaptive() || options_.exact || options_.stored_points < 2) return false;
  double segments = 1;
  while (2 * segments + 1 <= static_cast<double>(options_.stored_points)) segments *= 2;
  const double position = static_cast<double>(node) / static_cast<double>(steps_) * segments;
  return position == std::floor(position);
}

void ExampleRun::consume(Device& device, const PointView& point) {
  const PathNode& node = nodes_[consumed_];
  fine_->visit(device, node, point);
  if (coarse_is_open_ && consumed_ % 2 == 0) {
    PathNode twice = node;
    // Of half as many segments: inner nodes weigh double, ends likewise, as their segments do.
    twice.weight = options_.rule == Quadrature::kAdaptive ? trapezoid_weight(consumed_, 2) : 2 * node.weight;
    coarse_->visit(device, twice, point);
  }
  ++consumed_;
}

void ExampleRun::consume_stored(Device& device) {
  while (consumed_ < nodes_.size()) {
    const auto it = stored_.find(nodes_[consumed_].alpha);
    if (it == stored_.end() || !it->second.known) return;
    consume(device, it->second.view);
  }
}

void ExampleRun::deliver(Evaluator& evaluator, std::size_t slot) {
  Device& device = evaluator.device();
  consume_stored(device);
  const double alpha = nodes_[consumed_].alpha;
  if (alpha == 1) f_input_ = evaluator.target(slot);
  if (alpha == 0) f_baseline_ = evaluator.target(slot);
  ++evaluations_;
  delivered_.y.clear();
  delivered_.gradient.clear();
  for (std::size_t l = 0; l < evaluator.layer_count(); ++l) {
    delivered_.y.push_back(evaluator.value(l, slot));
    delivered_.gradient.push_back(evaluator.gradient(l, slot));
  }
  const auto stored = stored_.find(alpha);
  if (stored == stored_.end()) return consume(device, delivered_);
  stored->second.copy(delivered_);
  consume(device, stored->second.view);
}

void ExampleRun::settle(Device& device) {
  if (done_) return;
  consume_stored(device);
  if (consumed_ == nodes_.size()) {
    close_level();
    return;
  }
  fine_->retain();
  if (coarse_is_open_) coarse_->retain();
}

// Errors of the trapezoids are c / K^2, and two numbers of segments tell c (Richardson).
void ExampleRun::extrapolate() {
  for (std::size_t l = 0; l < estimates_.size(); ++l) {
    const Tensor sum = fine_->sum(l), before = coarse_->sum(l);
    const std::span<double> fine = sum.as<double>();
    const std::span<const double> coarse = before.as<double>();
    for (std::size_t i = 0; i < fine.size(); ++i) fine[i] += (fine[i] - coarse[i]) / 3;
  }
}

void ExampleRun::close_level() {
  const bool has_estimate = coarse_is_open_ || (adaptive() && steps_ > kFirstLevel);
  bool good = true;
  for (std::size_t l = 0; l < estimates_.size(); ++l) {
    const kernels::Tensor fine = fine_->sum(l);
    const double norm = l1_norm(fine.as<double>());
    const double share = extrapolates() ? kSmoothShare : 1;
    const double difference = share * l1_distance(fine.as<double>(), coarse_->sum(l).as<double>());
    LayerEstimate& estimate = estimates_[l];
    estimate.norm = norm;
    if (options_.exact) {
      estimate.error = 0;
    } else if (!has_estimate || !std::isfinite(norm)) {
      estimate.error = std::numeric_limits<double>::quiet_NaN();
    } else {
      estimate.error = norm > 0 ? difference / norm : (difference > 0 ? std::numeric_limits<double>::infinity() : 0);
    }
    good = good && estimate.error <= options_.tolerance;
  }
  coarse_is_open_ = false;
  if (!adaptive()) {
    done_ = true;
    converged_ = true;
    return;
  }
  const bool finite = std::ranges::all_of(estimates_, [](const LayerEstimate& e) { return std::isfinite(e.norm); });
  if (good || !finite || 2 * steps_ > options_.max_steps) {
    if (finite && has_estimate && extrapolates()) extrapolate();
    done_ = true;
    converged_ = good;
    return;
  }
  std::swap(fine_, coarse_);
  start_level(2 * steps_);
}

}  // namespace mho::attribution
