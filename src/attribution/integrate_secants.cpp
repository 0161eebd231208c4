// Path integrals by secants: on every segment of the path DeepLIFT's multipliers stand for the gradient. One segment is
// DeepLIFT itself; with more, the slopes of all nonlinearities become derivatives and the sum becomes the integral. A
// kink inside a segment is where the slope says, not at one of the ends: errors are a fraction of the trapezoid's, and
// every sum is complete (the multipliers' sums telescope).
//
// Adaptive: segments whose halves add up to something else than they did are halved again, until the differences are
// within the tolerance. Every segment has sums of its own until then; where memory is short, those with the least
// error are closed, and where it is very short all are halved at once and only their sums compared.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <map>
#include <span>

#include "attribution/measures.h"
#include "attribution/secant_walk.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

/// Segments before the first halving.
constexpr std::int64_t kFirstLevel = 4;
/// What is left of a segment's error when it is halved, at the order 3/2 at which random kinks average out: measured
/// between 1/2 (few kinks) and 1/4 (smooth).
constexpr double kLeft = 0.5;
/// By so much the estimate is raised: without it 94 % of the estimates are above the true error, with it 96 %
/// (tests/accuracy/estimated_error.cpp).
constexpr double kCaution = 1.25;
/// Segments that memory is set aside for, and fewer than which there is no choosing among them.
constexpr std::int64_t kKeptSegments = 32;
constexpr std::int64_t kFewestSegments = 16;
/// Slots for one example of an adaptive request.
constexpr std::int64_t kSlots = 4;

/// One piece of the path between two values of alpha.
struct Segment {
  double high = 1;
  double low = 0;
  LayerSums sums = {};
  std::vector<double> errors = {};  ///< per layer: L1 of what halving its parent changed, half of that; empty: unknown
};

/// One example.
struct Walker {
  ExamplePath path;
  std::list<Segment> segments;  ///< from x to x'
  Segment closed = {};          ///< the sums and errors of those that will not be halved any more
  std::int64_t closed_count = 0;
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(segments.size()) + closed_count; }
  std::int64_t evaluations = 0;
  double f_input = 0;
  double f_baseline = 0;
};

/// The totals of one example, layer by layer.
struct Totals {
  LayerSums sums;
  std::vector<double> norms;
  std::vector<double> errors;  ///< relative; NaN where unknown
};

class SecantIntegrator {
 public:
  SecantIntegrator(const Setup& setup, const Request& request, Result& result)
      : setup_(setup),
        request_(request),
        result_(result),
        progress_(request, setup),
        evaluator_(setup, request.target, std::min(setup.micro_batch, slots_for_one(request) * setup.inputs.count),
                   {.optimize = request.optimize, .multipliers = true, .walk = true}),
        walk_(evaluator_, request.method == Method::kInternalInfluence ? Measure::kAlpha : Measure::kDifferences,
              [this](const PathPoint& point, double target) { note(point, target); }) {
    result.micro_batch = evaluator_.capacity();
    exact_ = std::ranges::all_of(setup.layers, [](const LayerChoice& layer) { return layer.affine_to_target; });
    std::int64_t elements = 0;
    for (const kernels::TensorType& type : evaluator_.layer_types()) elements += type.stored_elements();
    const std::int64_t affordable = request.memory_budget / std::max<std::int64_t>(1, 8 * elements);
    few_ = affordable < kFewestSegments;
    at_once_ = std::clamp<std::int64_t>(affordable / (fixed() || few_ ? 3 : kKeptSegments), 1, evaluator_.capacity());
    kept_ = std::max(kFewestSegments, affordable / at_once_);
  }

  void run() {
    for (std::int64_t next = 0; next < setup_.inputs.count;) {
      walkers_.clear();
      while (next < setup_.inputs.count && static_cast<std::int64_t>(walkers_.size()) < at_once_) {
        walkers_.push_back({.path = evaluator_.path(next++), .segments = {}});
      }
      fixed() ? run_fixed() : few_ ? run_doubling() : run_adaptive();
    }
  }

 private:
  static std::int64_t slots_for_one(const Request& request) {
    return request.steps > 0 ? std::clamp<std::int64_t>(request.steps / kSlots, 1, 2 * kSlots) : kSlots;
  }
  [[nodiscard]] bool fixed() const { return request_.steps > 0 || exact_; }

  void note(const PathPoint& point, double target) {
    Walker& walker = *std::ranges::find(walkers_, point.path, [](Walker& w) { return &w.path; });
    ++walker.evaluations;
    if (point.alpha == 1) walker.f_input = target;
    if (point.alpha == 0) walker.f_baseline = target;
  }

  /// Equal segments, all into one sum.
  void walk_equal(std::int64_t count) {
    std::vector<Strand> strands;
    for (Walker& walker : walkers_) {
      walker.segments.clear();
      walker.segments.push_back({.sums = walk_.zeros()});
      Strand strand{&walker.path, {1}};
      for (std::int64_t k = count; k-- > 0;) {
        strand.alphas.push_back(static_cast<double>(k) / static_cast<double>(count));
        strand.sums.push_back(&walker.segments.front().sums);
      }
      strands.push_back(std::move(strand));
    }
    walk_.run(strands);
  }
  void run_fixed() {
    const std::int64_t count = std::max<std::int64_t>(1, request_.steps);
    walk_equal(count);
    for (Walker& walker : walkers_) write(walker, totals(walker), count, true);
  }
  /// All segments halved at once; the error is what that changed.
  void run_doubling() {
    std::map<const Walker*, LayerSums> before;
    for (std::int64_t count = kFirstLevel; !walkers_.empty(); count *= 2) {
      walk_equal(count);
      walkers_.remove_if([&](Walker& walker) {
        Segment& all = walker.segments.front();
        if (const auto last = before.find(&walker); last != before.end()) {
          for (std::size_t l = 0; l < all.sums.size(); ++l) {
            all.errors.push_back(difference(last->second[l], all.sums[l], nullptr));
          }
          if (finished(walker, count)) return true;
        }
        before[&walker] = std::move(all.sums);
        return false;
      });
    }
  }
  /// L1 of whole - (a + b).
  static double difference(OwnedTensor& whole, OwnedTensor& a, OwnedTensor* b) {
    const auto w = whole.view().as<double>(), first = a.view().as<double>();
    const auto second = b == nullptr ? std::span<double>() : b->view().as<double>();
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      sum += std::abs(w[i] - (first[i] + (second.empty() ? 0 : second[i])));
    }
    return sum;
  }

  void run_adaptive() {
    for (Walker& walker : walkers_) {
      for (std::int64_t k = kFirstLevel; k-- > 0;) {
        const auto n = static_cast<double>(kFirstLevel);
        walker.segments.push_back(
            {.high = static_cast<double>(k + 1) / n, .low = static_cast<double>(k) / n, .sums = walk_.zeros()});
      }
    }
    std::vector<Strand> strands;
    for (Walker& walker : walkers_) {
      Strand strand{&walker.path, {1}};
      for (Segment& segment : walker.segments) {
        strand.alphas.push_back(segment.low);
        strand.sums.push_back(&segment.sums);
      }
      strands.push_back(std::move(strand));
    }
    walk_.run(strands);
    while (!walkers_.empty()) {
      halve();
      walkers_.remove_if([&](Walker& walker) { return finished(walker, walker.count()); });
    }
  }

  /// The segments to halve: all whose error is unknown; else the largest, until what the others have and what is left
  /// of these is within the tolerance.
  [[nodiscard]] std::vector<Segment*> chosen(Walker& walker) const {
    std::vector<Segment*> unknown, known;
    for (Segment& segment : walker.segments) (segment.errors.empty() ? unknown : known).push_back(&segment);
    if (!unknown.empty() || known.empty()) return unknown;
    const Totals all = totals(walker);
    const auto share = [&](const Segment& segment) {
      double most = 0;
      for (std::size_t l = 0; l < segment.errors.size(); ++l) {
        if (all.norms[l] > 0) most = std::max(most, segment.errors[l] / all.norms[l]);
      }
      return most;
    };
    std::ranges::sort(known, [&](const Segment* a, const Segment* b) { return share(*a) > share(*b); });
    std::vector<double> left = all.errors;
    std::size_t count = 0;
    const auto within = [&] { return std::ranges::all_of(left, [&](double e) { return e <= request_.tolerance; }); };
    while (count < known.size() && !within()) {
      for (std::size_t l = 0; l < left.size(); ++l) {
        if (all.norms[l] > 0) left[l] -= (1 - kLeft) * known[count]->errors[l] / all.norms[l];
      }
      ++count;
    }
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(1, request_.max_steps - walker.count()));
    known.resize(std::clamp<std::size_t>(count, 1, std::min(room, known.size())));
    // From x to x', so that neighbours make one strand.
    std::ranges::sort(known, [](const Segment* a, const Segment* b) { return a->high > b->high; });
    return known;
  }

  void halve() {
    struct Halved {
      Walker* walker;
      Segment* parent;
      Segment first, second;
    };
    std::list<Halved> halves;
    std::vector<Strand> strands;
    for (Walker& walker : walkers_) {
      bool open = false;  // the last strand may go on
      for (Segment* parent : chosen(walker)) {
        const double middle = (parent->high + parent->low) / 2;
        Halved& h = halves.emplace_back(Halved{&walker,
                                               parent,
                                               {.high = parent->high, .low = middle, .sums = walk_.zeros()},
                                               {.high = middle, .low = parent->low, .sums = walk_.zeros()}});
        if (!open || strands.back().alphas.back() != parent->high) strands.push_back({&walker.path, {parent->high}});
        open = true;
        strands.back().alphas.insert(strands.back().alphas.end(), {middle, parent->low});
        strands.back().sums.insert(strands.back().sums.end(), {&h.first.sums, &h.second.sums});
      }
    }
    walk_.run(strands);
    for (Halved& h : halves) {
      for (std::size_t l = 0; l < h.parent->sums.size(); ++l) {
        const double change = difference(h.parent->sums[l], h.first.sums[l], &h.second.sums[l]);
        // Of the halves' sum at most kLeft of it is left, if the next halving does what this one did: half for each.
        for (Segment* half : {&h.first, &h.second}) half->errors.push_back(kCaution * change * kLeft);
      }
      auto& segments = h.walker->segments;
      const auto at = std::ranges::find(segments, h.parent, [](const Segment& s) { return &s; });
      segments.insert(at, std::move(h.first));
      segments.insert(at, std::move(h.second));
      segments.erase(at);
    }
    for (Walker& walker : walkers_) close_some(walker);
    progress_.report(finished_, 0);
  }

  /// More segments than memory is there for: the half with the least error goes into one sum.
  void close_some(Walker& walker) const {
    if (static_cast<std::int64_t>(walker.segments.size()) <= kept_) return;
    std::vector<double> shares;
    const auto share = [](const Segment& segment) { return std::ranges::max(segment.errors); };
    for (const Segment& segment : walker.segments) shares.push_back(share(segment));
    const auto middle = shares.begin() + static_cast<std::ptrdiff_t>(shares.size() / 2);
    std::ranges::nth_element(shares, middle);
    if (walker.closed.sums.empty()) {
      walker.closed.sums = walk_.zeros();
      walker.closed.errors.assign(walker.closed.sums.size(), 0);
    }
    for (auto segment = walker.segments.begin(); segment != walker.segments.end();) {
      const auto here = segment++;
      if (share(*here) > *middle) continue;
      for (std::size_t l = 0; l < here->sums.size(); ++l) {
        const auto to = walker.closed.sums[l].view().as<double>();
        const auto from = here->sums[l].view().as<double>();
        for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
        walker.closed.errors[l] += here->errors[l];
      }
      ++walker.closed_count;
      walker.segments.erase(here);
    }
  }

  [[nodiscard]] Totals totals(Walker& walker) const {
    Totals result{walk_.zeros(), {}, {}};
    for (std::size_t l = 0; l < result.sums.size(); ++l) {
      const auto sum = result.sums[l].view().as<double>();
      double error = 0;
      const auto take = [&](Segment& segment) {
        const auto part = segment.sums[l].view().as<double>();
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
        error += segment.errors.empty() ? std::numeric_limits<double>::quiet_NaN() : segment.errors[l];
      };
      if (walker.closed_count > 0) take(walker.closed);
      std::ranges::for_each(walker.segments, take);
      double norm = 0;
      for (const double v : sum) norm += std::abs(v);
      result.norms.push_back(norm);
      const bool exact = exact_ || setup_.layers[l].affine_to_target;
      const double relative = norm > 0 ? error / norm : error > 0 ? std::numeric_limits<double>::infinity() : error;
      result.errors.push_back(exact ? 0 : relative);
    }
    return result;
  }

  /// Writes the results of an example that is within the tolerance, or cannot get there.
  bool finished(Walker& walker, std::int64_t count) {
    const Totals all = totals(walker);
    const bool good = std::ranges::all_of(all.errors, [&](double e) { return e <= request_.tolerance; });
    const bool finite = std::ranges::all_of(all.norms, [](double norm) { return std::isfinite(norm); });
    const bool more = few_ ? 2 * count <= request_.max_steps : count < request_.max_steps && !walker.segments.empty();
    if (!good && finite && more) return false;
    write(walker, all, count, good);
    return true;
  }

  void write(Walker& walker, Totals all, std::int64_t segments, bool converged) {
    const auto n = static_cast<std::size_t>(walker.path.example);
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      if (!std::isfinite(all.norms[l])) refuse(walker, l);
      const Array values = engine::to_host(evaluator_.device(), all.sums[l].view());
      std::ranges::copy(values.as<double>(),
                        values_of(result_.layers[l], walker.path.example, setup_.inputs.count).begin());
      result_.layers[l].estimated_error[n] = all.errors[l];
    }
    result_.f_input[n] = walker.f_input;
    result_.f_baseline[n] = walker.f_baseline;
    result_.target[n] = walker.path.target->index;
    result_.evaluations[n] = walker.evaluations;
    result_.steps[n] = segments;
    result_.converged[n] = converged;
    progress_.report(++finished_, walker.evaluations);
  }

  [[noreturn]] void refuse(Walker& walker, std::size_t layer) {
    std::string name;
    for (const Segment& segment : walker.segments) {
      for (const double alpha : {segment.high, segment.low}) {
        const PathPoint point{&walker.path, alpha};
        if (name.empty()) name = evaluator_.first_non_finite({&point, 1});
      }
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
  SecantWalk walk_;
  bool exact_ = false;
  bool few_ = false;  ///< no memory for sums of single segments
  std::int64_t kept_ = kKeptSegments;
  std::int64_t at_once_ = 1;
  std::int64_t finished_ = 0;
  std::list<Walker> walkers_;
};

}  // namespace

void integrate_secants(const Setup& setup, const Request& request, Result& result) {
  SecantIntegrator(setup, request, result).run();
}

}  // namespace mho::attribution
