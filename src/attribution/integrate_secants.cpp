// Path integrals by secants: on every segment of the path DeepLIFT's multipliers stand for the gradient. One segment is
// DeepLIFT itself; with more, the slopes of all nonlinearities become derivatives and the sum becomes the integral. A
// kink inside a segment is where the slope says, not at one of the ends: errors are a fraction of the trapezoid's, and
// every sum is complete (the multipliers' sums telescope).
//
// Points are closer together near x' where the model says that most happens there (ExamplePath::alpha).
//
// Adaptive: sums of more and more segments, until what the last step changed says that they are within the tolerance.
// Each level puts its points where the one before saw multipliers and values change together (SegmentProfile).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <optional>
#include <span>

#include "attribution/kinks_behind.h"
#include "attribution/measures.h"
#include "attribution/mesh.h"
#include "attribution/non_finite.h"
#include "attribution/secant_walk.h"
#include "attribution/sums.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

/// Segments of the first sum, whose error nothing is known of.
constexpr std::int64_t kFirstSegments = 8;
/// Of the second one, half of whose error shows as the change.
constexpr std::int64_t kSecondSegments = 16;
/// A level has at most as many times the segments of the one before: further ahead is guessing.
constexpr double kMostGrowth = 3;
/// What decides on the next level expects so large a part of an estimate to be error.
constexpr double kLikelyPart = 0.6;
/// By so much estimates are raised: 95 % are above the true error then (tests/accuracy/estimated_error.cpp). What many
/// kinks do adds up to about what it was on the level before; a few may by chance show no change.
constexpr double kCautionFewKinks = 2, kCautionManyKinks = 1;
/// Behind a layer.
constexpr std::int64_t kManyKinks = 400;
/// Levels of more segments take their points from the last one that was looked at.
constexpr std::int64_t kMostProfiled = 32;
/// Examples under way: enough for full runs at their ends.
constexpr std::int64_t kMostAtOnce = 64;

/// One example.
struct Walker {
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(alphas.size()) - 1; }
  ExamplePath path;
  std::vector<double> alphas = {};                  ///< points of the level under way, ascending from 0 to 1
  std::optional<SegmentProfile> profile = {};       ///< of the level under way
  std::vector<double> profiled = {}, weights = {};  ///< what the last profile showed, and its alphas
  std::list<LayerSums> pieces = {};                 ///< its sums, piece by piece
  std::int64_t count_before = 0;                    ///< segments of the level before; 0: there was none
  LayerSums sums_before = {};
};

/// Values between what moves and the target that nodes made which may move axes: the others keep rows where they are.
std::vector<graph::ValueId> moved_rows(const Setup& setup) {
  const graph::Graph& graph = *setup.graph;
  const std::vector<bool> moves = graph::dependents(graph, setup.sources.all());
  const std::vector<bool> wanted = graph::ancestors(graph, setup.target.value);
  std::vector<graph::ValueId> result;
  for (const graph::Node& node : graph.nodes()) {
    const primitives::LayoutRule rule = node.primitive->layout_rule();
    if (rule != primitives::LayoutRule::plain && rule != primitives::LayoutRule::channels) continue;
    for (const graph::ValueId id : node.outputs) {
      const auto i = static_cast<std::size_t>(id);
      if (moves[i] && wanted[i]) result.push_back(id);
    }
  }
  return result;
}

class SecantIntegrator {
 public:
  SecantIntegrator(const Setup& setup, const Request& request, Result& result)
      : setup_(setup),
        request_(request),
        result_(result),
        progress_(request, setup.inputs.count),
        exact_(std::ranges::all_of(setup.layers, [](const LayerChoice& layer) { return layer.affine_to_target; })),
        kinks_(fixed() ? std::vector<std::int64_t>{} : kinks_behind(setup)),
        lanes_(lanes_for(setup)),
        evaluator_(setup, request.target, slots(),
                   {.optimize = request.optimize, .multipliers = true, .chain = true, .graded = true, .lanes = lanes_}),
        walk_(evaluator_, request.method == Method::kInternalInfluence ? Measure::kAlpha : Measure::kDifferences,
              [this](const ExamplePath& path, double alpha, double target) { note(path, alpha, target); }) {
    result.micro_batch = evaluator_.capacity();
    std::int64_t elements = 0;
    for (const kernels::TensorType& type : evaluator_.layer_types()) elements += type.stored_elements();
    // The sums of two levels, and one more for every piece.
    std::int64_t bytes = 8 * (1 + lanes_) * std::max<std::int64_t>(1, elements);
    if (profiled()) bytes += kMostProfiled * SegmentProfile::bytes_per_segment(evaluator_.layer_types());
    at_once_ = std::clamp<std::int64_t>(request.memory_budget / bytes, 1, kMostAtOnce);
  }

  void run() {
    while (next_ < setup_.inputs.count || !walkers_.empty()) {
      while (next_ < setup_.inputs.count && static_cast<std::int64_t>(walkers_.size()) < at_once_) {
        walkers_.push_back({.path = evaluator_.path(next_++)});
        walkers_.back().alphas = first_mesh(walkers_.back().path);
      }
      walk_all();
      walkers_.remove_if([this](Walker& walker) { return close_level(walker); });
    }
  }

 private:
  /// As few runs as the micro-batch allows, and these as full as can be. A slot's reference is the slot before it, so
  /// everything that multipliers read must lie there slot by slot.
  [[nodiscard]] std::int64_t slots() const {
    const std::int64_t most = lane_batch_for(setup_);
    if (most == 1 && lanes_ == 1) return 1;
    const std::vector<bool> cut = setup_.network->cut_by_batch(moved_rows(setup_), setup_.poll.get());
    if (std::ranges::find(cut, false) != cut.end()) return lanes_;
    const std::int64_t examples = std::min(setup_.inputs.count, kMostAtOnce);
    const std::int64_t segments = fixed() ? first_count() : 2 * kFirstSegments;
    const std::int64_t pair = SecantWalk::points_of_pair(segments);
    if (fixed() && setup_.one_baseline() && examples >= 4 * lanes_ && pair <= most) {
      const std::int64_t pairs = (examples + 2 * lanes_ - 1) / (2 * lanes_);
      const std::int64_t runs = (pairs + most / pair - 1) / (most / pair);
      return lanes_ * pair * ((pairs + runs - 1) / runs);
    }
    const std::int64_t points = examples * (segments + pieces_of(examples, segments));
    const std::int64_t each = (points + lanes_ - 1) / lanes_;
    const std::int64_t runs = (each + most - 1) / most;
    return lanes_ * ((each + runs - 1) / runs);
  }
  [[nodiscard]] std::vector<double> first_mesh(const ExamplePath& path) const {
    if (fixed() && !setup_.first_points->empty()) return *setup_.first_points;
    return graded_mesh(path, std::min(first_count(), most_steps()));
  }
  [[nodiscard]] bool profiled() const { return !fixed() && walk_.measure() == Measure::kDifferences; }
  [[nodiscard]] bool fixed() const { return request_.steps > 0 || exact_; }
  [[nodiscard]] std::int64_t first_count() const {
    if (request_.steps > 0) return request_.steps;
    return exact_ ? 1 : kFirstSegments;
  }
  [[nodiscard]] std::int64_t most_steps() const { return fixed() ? first_count() : request_.max_steps; }
  /// In how many pieces a path is cut, each with a sum of its own, so that no lane is idle.
  [[nodiscard]] std::int64_t pieces_of(std::int64_t examples, std::int64_t segments) const {
    const bool whole = examples % lanes_ == 0 || examples >= 4 * lanes_;
    return whole ? 1 : std::min(lanes_, segments);
  }

  void note(const ExamplePath& path, double alpha, double target) {
    const auto n = static_cast<std::size_t>(path.example);
    ++result_.evaluations[n];
    if (alpha == 1) result_.f_input[n] = target;
    if (alpha == 0) result_.f_baseline[n] = target;
  }

  /// The next level of every example.
  void walk_all() {
    std::vector<Strand> strands;
    for (Walker& walker : walkers_) {
      const std::int64_t count = walker.count();
      if (profiled() && count <= kMostProfiled) walker.profile.emplace(evaluator_.layer_types(), count);
      const std::int64_t pieces = pieces_of(static_cast<std::int64_t>(walkers_.size()), count);
      for (std::int64_t piece = pieces; piece-- > 0;) {
        LayerSums& sums = walker.pieces.emplace_back(fixed() && pieces == 1 ? in_result(walker) : walk_.zeros());
        const std::int64_t first = (piece + 1) * count / pieces, last = piece * count / pieces;
        Strand strand{&walker.path, {}, &sums, walker.profile ? &*walker.profile : nullptr, last};
        strand.alphas.reserve(static_cast<std::size_t>(first - last + 1));
        for (std::int64_t k = first; k >= last; --k)
          strand.alphas.push_back(walker.alphas[static_cast<std::size_t>(k)]);
        strands.push_back(std::move(strand));
      }
    }
    walk_.run(strands);
  }

  /// Adds the pieces up; writes the results of an example that is within the tolerance, or cannot get there, and
  /// decides on the next level of others.
  bool close_level(Walker& walker) {
    LayerSums sums = sum_of_pieces(walker);
    std::vector<double> errors;
    double worst = 0;
    for (std::size_t l = 0; l < sums.views.size(); ++l) {
      errors.push_back(estimate(walker, sums, l));
      worst = std::max(worst, errors.back());
    }
    const bool good = fixed() || worst <= request_.tolerance;
    if (good || walker.count() >= request_.max_steps) {
      write(walker, sums, errors, good);
      return true;
    }
    const std::int64_t next = next_count(walker, worst);
    walker.count_before = walker.count();
    walker.sums_before = std::move(sums);
    if (walker.profile) {
      walker.weights = walker.profile->weights(walker.alphas);
      walker.profiled = std::move(walker.alphas);
      walker.profile.reset();
    }
    walker.alphas =
        walker.weights.empty() ? graded_mesh(walker.path, next) : redistributed(walker.profiled, walker.weights, next);
    return false;
  }

  /// So many that the change will be about the error of this level, and the next estimate within the tolerance.
  [[nodiscard]] std::int64_t next_count(const Walker& walker, double worst) const {
    if (walker.count_before == 0) return std::min(kSecondSegments, request_.max_steps);
    const double growth = std::min(1 + kLikelyPart * worst / request_.tolerance, kMostGrowth);
    return std::min(request_.max_steps,
                    static_cast<std::int64_t>(std::ceil(growth * static_cast<double>(walker.count()))));
  }

  /// Zeros where the result will be, as far as layouts allow.
  LayerSums in_result(const Walker& walker) {
    LayerSums sums;
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      kernels::TensorType type = evaluator_.layer_types()[l];
      type.dtype = DType::f64;
      if (type.layout == kernels::Layout::plain) {
        const auto values = values_of(result_.layers[l], walker.path.example, setup_.inputs.count);
        sums.views.push_back({std::move(type), reinterpret_cast<std::byte*>(values.data()), false});
      } else {
        sums.views.push_back(sums.memory.emplace_back(std::move(type)).view());
      }
    }
    return sums;
  }

  static LayerSums sum_of_pieces(Walker& walker) {
    LayerSums sums = std::move(walker.pieces.front());
    walker.pieces.pop_front();
    for (LayerSums& piece : walker.pieces) {
      for (std::size_t l = 0; l < sums.views.size(); ++l) {
        const std::span<double> to = sums.views[l].as<double>();
        const std::span<const double> from = piece.views[l].as<double>();
        for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
      }
    }
    walker.pieces.clear();
    return sums;
  }

  /// How far a layer's sums may be off, relative L1; infinite where there is no level to compare with, NaN where steps
  /// are fixed. With errors e ~ 1 / K of one sign, S_b - S_a = e_a - e_b = e_b (K_b / K_a - 1).
  double estimate(Walker& walker, LayerSums& sums, std::size_t layer) {
    const std::span<const double> now = sums.views[layer].as<double>();
    const double norm = l1_norm(now);
    if (!std::isfinite(norm)) refuse(walker, layer);
    if (setup_.layers[layer].affine_to_target) return 0;
    if (fixed()) return std::numeric_limits<double>::quiet_NaN();
    if (walker.count_before == 0) return std::numeric_limits<double>::infinity();
    const double change = l1_distance(now, walker.sums_before.views[layer].as<double>());
    const double growth = static_cast<double>(walker.count()) / static_cast<double>(walker.count_before);
    const double caution = kinks_[layer] >= kManyKinks ? kCautionManyKinks : kCautionFewKinks;
    const double error = caution * change / (growth - 1);
    return norm > 0 ? error / norm : error > 0 ? std::numeric_limits<double>::infinity() : 0;
  }

  void write(Walker& walker, LayerSums& sums, const std::vector<double>& errors, bool converged) {
    const auto n = static_cast<std::size_t>(walker.path.example);
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      const auto values = values_of(result_.layers[l], walker.path.example, setup_.inputs.count);
      if (sums.views[l].data != reinterpret_cast<std::byte*>(values.data())) {
        engine::to_host(evaluator_.device(), sums.views[l], values);
      }
      result_.layers[l].estimated_error[n] = errors[l];
    }
    if (n == 0 && walker.path.grading != ExamplePath::kUniform) {
      result_.metadata["grading"] = fmt::format("{}", walker.path.grading);
    }
    if (n == 0 && !fixed()) *setup_.first_points = walker.alphas;
    result_.target[n] = walker.path.target->index;
    result_.steps[n] = walker.count();
    result_.converged[n] = converged;
    progress_.report(++finished_, result_.evaluations[n]);
  }

  [[noreturn]] void refuse(const Walker& walker, std::size_t layer) const {
    attribution::refuse(
        setup_, request_.target, {.multipliers = true},
        {fmt::format("the attribution of layer '{}'", setup_.layers[layer].name), walker.path.example, walker.alphas});
  }

  const Setup& setup_;
  const Request& request_;
  Result& result_;
  ProgressReport progress_;
  bool exact_;
  std::vector<std::int64_t> kinks_;
  std::int64_t lanes_;
  Evaluator evaluator_;
  SecantWalk walk_;
  std::int64_t at_once_ = 1;
  std::int64_t next_ = 0;
  std::int64_t finished_ = 0;
  std::list<Walker> walkers_;
};

}  // namespace

void integrate_secants(const Setup& setup, const Request& request, Result& result) {
  SecantIntegrator(setup, request, result).run();
}

}  // namespace mho::attribution
