// Path integrals by secants: on every segment of the path DeepLIFT's multipliers stand for the gradient. One segment is
// DeepLIFT itself; with more, the slopes of all nonlinearities become derivatives and the sum becomes the integral. A
// kink inside a segment is where the slope says, not at one of the ends: errors are a fraction of the trapezoid's, and
// every sum is complete (the multipliers' sums telescope).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>

#include "attribution/evaluator.h"
#include "attribution/measures.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

using kernels::Tensor;

/// Segments of the first level: its difference to the second is the first estimate of the error.
constexpr std::int64_t kFirstLevel = 4;
/// Segments that a slot walks at the least, where the path is long enough: the point at which two slots meet is run
/// by both.
constexpr std::int64_t kShortest = 4;

/// One example, its sums on this level and on the one before.
struct Walker {
  ExamplePath path;
  std::vector<OwnedTensor> sums;
  std::vector<OwnedTensor> before;  ///< of half as many segments; empty on the first level
  std::int64_t evaluations = 0;
};

/// The part of one example's path that one slot walks, from segment `from` (at the larger alpha) to `to`.
struct Strand {
  Walker* walker;
  std::int64_t from;
  std::int64_t to;
};

class SecantIntegrator {
 public:
  SecantIntegrator(const Setup& setup, const Request& request, Result& result)
      : setup_(setup),
        request_(request),
        result_(result),
        progress_(request, setup),
        evaluator_(setup, request.target, std::min(setup.micro_batch, slots_for_one(request) * setup.inputs.count),
                   {.optimize = request.optimize, .multipliers = true, .walk = true}) {
    result.micro_batch = evaluator_.capacity();
    exact_ = std::ranges::all_of(setup.layers, [](const LayerChoice& layer) { return layer.affine_to_target; });
  }

  void run() {
    std::int64_t next = 0;
    const std::int64_t at_once = examples_at_once();
    while (next < setup_.inputs.count) {
      std::list<Walker> walkers;
      while (next < setup_.inputs.count && static_cast<std::int64_t>(walkers.size()) < at_once) {
        walkers.emplace_back().path = evaluator_.path(next++);
      }
      std::int64_t segments = request_.steps > 0 ? request_.steps : exact_ ? 1 : kFirstLevel;
      while (!walkers.empty()) {
        walk_level(walkers, segments);
        walkers.remove_if([&](Walker& walker) { return finished(walker, segments); });
        segments *= 2;
      }
    }
  }

 private:
  static std::int64_t slots_for_one(const Request& request) {
    return request.steps > 0 ? std::clamp<std::int64_t>(request.steps / kShortest, 1, 8) : kShortest;
  }
  [[nodiscard]] std::int64_t examples_at_once() const {
    std::int64_t elements = 0;
    for (const kernels::TensorType& type : evaluator_.layer_types()) elements += type.stored_elements();
    const std::int64_t bytes = std::max<std::int64_t>(1, 2 * 8 * elements);
    return std::clamp<std::int64_t>(request_.memory_budget / bytes, 1, evaluator_.capacity());
  }

  /// All segments of all walkers, in groups that fill the slots.
  void walk_level(std::list<Walker>& walkers, std::int64_t segments) {
    const std::int64_t slots = evaluator_.capacity();
    const std::int64_t per_walker =
        std::clamp<std::int64_t>(slots / static_cast<std::int64_t>(walkers.size()), 1, segments);
    std::vector<Strand> strands;
    const auto flush = [&] {
      walk(strands, segments);
      strands.clear();
    };
    for (Walker& walker : walkers) {
      walker.sums.clear();
      for (kernels::TensorType type : evaluator_.layer_types()) {
        type.dtype = DType::f64;
        walker.sums.emplace_back(std::move(type));
      }
      if (static_cast<std::int64_t>(strands.size()) + per_walker > slots) flush();
      for (std::int64_t i = 0; i < per_walker; ++i) {
        strands.push_back({&walker, segments * i / per_walker, segments * (i + 1) / per_walker});
      }
    }
    flush();
  }

  /// Segment k ends at alpha = 1 - (k + 1) / segments: x comes first, because it decides which element the target is.
  void walk(const std::vector<Strand>& strands, std::int64_t segments) {
    std::int64_t longest = 0;
    for (const Strand& strand : strands) longest = std::max(longest, strand.to - strand.from);
    std::vector<PathPoint> points(strands.size());
    const auto move_to = [&](std::int64_t step) {
      for (std::size_t s = 0; s < strands.size(); ++s) {
        // A shorter strand waits at its end.
        const std::int64_t k = std::min(strands[s].from + step, strands[s].to);
        points[s] = {&strands[s].walker->path, static_cast<double>(segments - k) / static_cast<double>(segments)};
      }
    };
    move_to(0);
    evaluator_.start_walk(points);
    note_targets(points);
    for (const Strand& strand : strands) strand.walker->evaluations += strand.to - strand.from + 1;
    for (std::int64_t step = 1; step <= longest; ++step) {
      move_to(step);
      evaluator_.walk_on(points);
      note_targets(points);
      for (std::size_t s = 0; s < strands.size(); ++s) {
        if (strands[s].from + step <= strands[s].to) add(*strands[s].walker, s, segments);
      }
      progress_.report(finished_, static_cast<std::int64_t>(strands.size()));
    }
  }

  void note_targets(const std::vector<PathPoint>& points) {
    for (std::size_t s = 0; s < points.size(); ++s) {
      const auto n = static_cast<std::size_t>(points[s].path->example);
      if (points[s].alpha == 1) result_.f_input[n] = evaluator_.target(s);
      if (points[s].alpha == 0) result_.f_baseline[n] = evaluator_.target(s);
    }
  }

  void add(Walker& walker, std::size_t slot, std::int64_t segments) {
    kernels::Device& device = evaluator_.device();
    for (std::size_t l = 0; l < walker.sums.size(); ++l) {
      const Tensor sum = walker.sums[l].view();
      const Tensor m = evaluator_.gradient(l, slot);
      if (request_.method == Method::kInternalInfluence) {
        device.accumulate(1 / static_cast<double>(segments), m, sum);
      } else {
        device.accumulate_path(1, m, 0, {}, evaluator_.value(l, slot), evaluator_.reference_value(l, slot), sum);
      }
    }
  }

  /// Closes a level of one example: whether it was the last, and then its results are written.
  bool finished(Walker& walker, std::int64_t segments) {
    const bool fixed = request_.steps > 0 || exact_;
    std::vector<double> errors;
    bool good = true;
    bool finite = true;
    for (std::size_t l = 0; l < walker.sums.size(); ++l) {
      const auto fine = walker.sums[l].view().as<double>();
      double norm = 0, difference = 0;
      for (std::size_t i = 0; i < fine.size(); ++i) {
        norm += std::abs(fine[i]);
        if (!walker.before.empty()) difference += std::abs(fine[i] - walker.before[l].view().as<double>()[i]);
      }
      if (!std::isfinite(norm)) refuse(walker, l);
      double error = norm > 0 ? difference / norm : difference > 0 ? std::numeric_limits<double>::infinity() : 0;
      if (exact_ || setup_.layers[l].affine_to_target) {
        error = 0;
      } else if (walker.before.empty()) {
        error = std::numeric_limits<double>::quiet_NaN();
      }
      errors.push_back(error);
      good = good && error <= request_.tolerance;
      finite = finite && std::isfinite(norm);
    }
    if (!fixed && !good && 2 * segments <= request_.max_steps) {
      std::swap(walker.before, walker.sums);
      return false;
    }
    write(walker, segments, errors, fixed || good);
    ++finished_;
    return true;
  }

  void write(Walker& walker, std::int64_t segments, const std::vector<double>& errors, bool converged) {
    const auto n = static_cast<std::size_t>(walker.path.example);
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      const Array values = engine::to_host(evaluator_.device(), walker.sums[l].view());
      std::ranges::copy(values.as<double>(),
                        values_of(result_.layers[l], walker.path.example, setup_.inputs.count).begin());
      result_.layers[l].estimated_error[n] = errors[l];
    }
    result_.target[n] = walker.path.target->index;
    result_.evaluations[n] = walker.evaluations;
    result_.steps[n] = segments;
    result_.converged[n] = converged;
  }

  [[noreturn]] void refuse(Walker& walker, std::size_t layer) {
    std::string name;
    for (const double alpha : {1.0, 0.0}) {
      const PathPoint point{&walker.path, alpha};
      if (name.empty()) name = evaluator_.first_non_finite({&point, 1});
    }
    const std::string& own = setup_.layers[layer].name;
    throw Error(
        Code::kNumeric,
        fmt::format("the attribution of layer '{}' is not finite for example {}: the first tensor with a NaN or "
                    "infinity is '{}'",
                    own, walker.path.example, name.empty() ? "multiplier of " + own : name));
  }

  const Setup& setup_;
  const Request& request_;
  Result& result_;
  ProgressReport progress_;
  Evaluator evaluator_;
  bool exact_ = false;
  std::int64_t finished_ = 0;
};

}  // namespace

void integrate_secants(const Setup& setup, const Request& request, Result& result) {
  SecantIntegrator(setup, request, result).run();
}

}  // namespace mho::attribution
