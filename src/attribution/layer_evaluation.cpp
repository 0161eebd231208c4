// How well several measures of one layer predict what happens when its units are replaced.
#include "attribution/layer_evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "attribution/intervention.h"
#include "attribution/random_stream.h"
#include "attribution/rank_correlation.h"

namespace mho::attribution {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// What streams of random numbers are for.
enum Purpose : std::uint64_t { kSample = 1, kRandomOrder = 2, kSubsets = 3 };

std::vector<std::int64_t> all_of(std::int64_t count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return all;
}

/// Moves a random choice of `count` of them to the front.
void shuffle_front(std::vector<std::int64_t>& numbers, std::size_t count, RandomStream& random) {
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(numbers[i], numbers[i + static_cast<std::size_t>(random.below(numbers.size() - i))]);
  }
}

/// Whole multiples of `quantum`, so that what differs by rounding alone is tied.
void round_to(double quantum, std::vector<double>& values) {
  if (!(quantum > 0)) return;
  for (double& v : values) v = std::round(v / quantum);
}

std::size_t at(Metric metric) { return static_cast<std::size_t>(metric); }

class LayerRuns {
 public:
  LayerRuns(LayerQuestion& question, const std::function<void(std::int64_t)>& done)
      : q_(question),
        done_(done),
        units_(question.units.count()),
        examples_(question.setup.inputs.count),
        removed_(curve_points(units_, question.request.curve_points)),
        all_(all_of(units_)),
        sample_(all_),
        runs_(question.setup, question.ends, question.layer, question.units, largest_batch(),
              question.request.request.optimize) {
    if (units_ > question.request.single_units) {
      RandomStream random({question.request.seed, kSample, question.layer});
      const auto count = static_cast<std::size_t>(question.request.single_units);
      shuffle_front(sample_, count, random);
      sample_.resize(count);
      std::ranges::sort(sample_);
    }
    add_references();
    scores_.resize(q_.methods.size());
    for (auto& scores : scores_) scores.fill(std::vector<double>(static_cast<std::size_t>(examples_), kNone));
    deletion_.resize(q_.methods.size());
    insertion_.resize(q_.methods.size());
    overlap_.assign(q_.methods.size(), std::vector<double>(q_.methods.size(), 0));
  }

  LayerEvaluation run(const Bootstrap& bootstrap) {
    for (std::int64_t n = 0; n < examples_; ++n) evaluate_example(n);
    return summarise(bootstrap);
  }

 private:
  [[nodiscard]] std::int64_t largest_batch() const {
    const auto methods = static_cast<std::int64_t>(q_.methods.size()) + 3;
    return std::max({std::min(units_, q_.request.single_units) + 2, q_.request.subsets,
                     2 * methods * static_cast<std::int64_t>(removed_.size())});
  }

  [[nodiscard]] std::span<const double> values(std::size_t method, std::int64_t example) const {
    const auto count = static_cast<std::size_t>(units_);
    return std::span(q_.methods[method].values).subspan(count * static_cast<std::size_t>(example), count);
  }
  [[nodiscard]] std::span<double> values(std::size_t method, std::int64_t example) {
    const auto count = static_cast<std::size_t>(units_);
    return std::span(q_.methods[method].values).subspan(count * static_cast<std::size_t>(example), count);
  }

  void add_references() {
    const auto size = static_cast<std::size_t>(units_ * examples_);
    const bool known = std::ranges::find(q_.methods, "ablation", &MethodValues::name) != q_.methods.end();
    MethodValues reversed{"reversed", true, q_.methods.front().values, {}};
    for (double& v : reversed.values) v = -v;
    MethodValues random{"random", true, std::vector<double>(size), {}};
    for (std::int64_t n = 0; n < examples_; ++n) {
      RandomStream numbers({q_.request.seed, kRandomOrder, q_.layer, static_cast<std::uint64_t>(n)});
      for (std::int64_t u = 0; u < units_; ++u) {
        random.values[static_cast<std::size_t>(n * units_ + u)] = 2 * numbers.uniform() - 1;
      }
    }
    q_.methods.push_back(std::move(random));
    q_.methods.push_back(std::move(reversed));
    if (known || sample_.size() != all_.size()) return;
    ablation_ = q_.methods.size();
    q_.methods.push_back({"ablation", true, std::vector<double>(size), {}});
  }

  std::vector<double> evaluate(std::span<const Intervention::Edit> edits) {
    std::vector<double> f;
    const auto capacity = static_cast<std::size_t>(runs_.capacity());
    for (std::size_t first = 0; first < edits.size(); first += capacity) {
      const auto part = edits.subspan(first, std::min(capacity, edits.size() - first));
      const std::vector<double> of_part = runs_.evaluate(part);
      f.insert(f.end(), of_part.begin(), of_part.end());
      done_(static_cast<std::int64_t>(part.size()));
    }
    return f;
  }

  void evaluate_example(std::int64_t n) {
    ablate_single_units(n);
    orders_.clear();
    // Where F falls from x' to x, what made it fall comes first: curves lead from 1 to 0 either way.
    const bool falls = q_.ends.f_input[static_cast<std::size_t>(n)] < q_.ends.f_baseline[static_cast<std::size_t>(n)];
    for (std::size_t m = 0; m < q_.methods.size(); ++m) {
      const std::span<const double> own = std::as_const(*this).values(m, n);
      std::vector<double> towards(own.begin(), own.end());
      if (falls) std::ranges::transform(towards, towards.begin(), std::negate{});
      orders_.push_back(descending(towards));
    }
    for (std::size_t m = 0; m < q_.methods.size(); ++m) {
      correlate(m, n);
      complete(m, n);
      const std::vector<double>& noisy = q_.methods[m].sensitivity;
      if (!noisy.empty()) score(m, Metric::kMaxSensitivity, n) = noisy[static_cast<std::size_t>(n)];
      for (std::size_t other = 0; other < q_.methods.size(); ++other) {
        overlap_[m][other] += overlap(orders_[m], orders_[other], q_.request.top) / static_cast<double>(examples_);
      }
    }
    draw_curves(n);
    replace_subsets(n);
  }

  [[nodiscard]] double& score(std::size_t method, Metric metric, std::int64_t example) {
    return scores_[method][at(metric)][static_cast<std::size_t>(example)];
  }

  void ablate_single_units(std::int64_t n) {
    std::vector<Intervention::Edit> edits = {{n, {}}, {n, all_}};
    std::vector<std::size_t> of;
    for (std::size_t i = 0; i < sample_.size(); ++i) {
      if (runs_.is_unchanged(n, sample_[i])) continue;  // exactly 0
      edits.push_back({n, std::span(sample_).subspan(i, 1)});
      of.push_back(i);
    }
    const std::vector<double> f = evaluate(edits);
    f_ = f[0];
    f_replaced_ = f[1];
    single_.assign(sample_.size(), 0);
    for (std::size_t i = 0; i < of.size(); ++i) single_[of[i]] = f_ - f[i + 2];
    if (ablation_) std::ranges::copy(single_, values(*ablation_, n).begin());
  }

  void correlate(std::size_t method, std::int64_t n) {
    std::vector<double> truth = single_;
    std::vector<double> sampled;
    for (const std::int64_t u : sample_) sampled.push_back(values(method, n)[static_cast<std::size_t>(u)]);
    round_to(q_.rounding * std::max(std::abs(f_), std::abs(f_replaced_)), truth);
    const auto larger = [](double most, double v) { return std::max(most, std::abs(v)); };
    round_to(q_.rounding * std::accumulate(sampled.begin(), sampled.end(), 0.0, larger), sampled);
    if (method == ablation_) sampled = truth;
    score(method, Metric::kSpearman, n) = spearman(sampled, truth);
    score(method, Metric::kKendall, n) = kendall(sampled, truth);
  }

  void complete(std::size_t method, std::int64_t n) {
    const bool partial = !q_.request.request.ablation.groups.empty();
    if (partial || !q_.setup.layers[q_.layer].cut) return;
    double sum = 0, magnitude = 0;
    for (const double v : values(method, n)) {
      sum += v;
      magnitude += std::abs(v);
    }
    const double f = q_.ends.f_input[static_cast<std::size_t>(n)];
    const double f0 = q_.ends.f_baseline[static_cast<std::size_t>(n)];
    const double size = std::max({magnitude, std::abs(f), std::abs(f0)});
    score(method, Metric::kCompleteness, n) = size > 0 ? std::abs(sum - (f - f0)) / size : 0;
  }

  void draw_curves(std::int64_t n) {
    std::vector<Intervention::Edit> edits;
    for (const std::vector<std::int64_t>& order : orders_) {
      const std::span<const std::int64_t> units(order);
      for (std::size_t i = 1; i + 1 < removed_.size(); ++i) {
        const auto k = static_cast<std::size_t>(removed_[i]);
        edits.push_back({n, units.first(k)});
        edits.push_back({n, units.subspan(k)});
      }
    }
    const std::vector<double> f = evaluate(edits);
    const double f0 = q_.ends.f_baseline[static_cast<std::size_t>(n)];
    const double span = q_.ends.f_input[static_cast<std::size_t>(n)] - f0;
    const double least = 1e-6 * std::max(std::abs(f0), std::abs(span + f0));
    std::size_t next = 0;
    for (std::size_t m = 0; m < orders_.size(); ++m) {
      std::vector<double> deletion = {f_}, insertion = {f_replaced_};
      for (std::size_t i = 1; i + 1 < removed_.size(); ++i) {
        deletion.push_back(f[next++]);
        insertion.push_back(f[next++]);
      }
      deletion.push_back(f_replaced_);
      insertion.push_back(f_);
      for (std::vector<double>* curve : {&deletion, &insertion}) {
        for (double& v : *curve) v = std::abs(span) > least ? (v - f0) / span : kNone;
      }
      score(m, Metric::kDeletionArea, n) = area(removed_, deletion);
      score(m, Metric::kInsertionArea, n) = area(removed_, insertion);
      deletion_[m].push_back(std::move(deletion));
      insertion_[m].push_back(std::move(insertion));
    }
  }

  /// Infidelity (arXiv 1901.09392, definition 2.1): the perturbation takes the units of a random subset S to what they
  /// are replaced by; |S| is uniform over 1 … units, S uniform over the subsets of that size.
  void replace_subsets(std::int64_t n) {
    const std::size_t count = q_.methods.size();
    std::vector<double> products(count), squares(count), misses(count);
    double changes = 0;
    std::int64_t left = q_.request.subsets;
    RandomStream random({q_.request.seed, kSubsets, q_.layer, static_cast<std::uint64_t>(n)});
    std::vector<std::int64_t> shuffled = all_;
    while (left > 0) {
      std::vector<std::vector<std::int64_t>> subsets;
      std::vector<Intervention::Edit> edits;
      for (std::int64_t s = std::min(left, runs_.capacity()); s > 0; --s) {
        const auto size = static_cast<std::size_t>(1 + random.below(static_cast<std::uint64_t>(units_)));
        shuffle_front(shuffled, size, random);
        subsets.emplace_back(shuffled.begin(), shuffled.begin() + static_cast<std::ptrdiff_t>(size));
      }
      for (const std::vector<std::int64_t>& subset : subsets) edits.push_back({n, subset});
      const std::vector<double> f = evaluate(edits);
      for (std::size_t s = 0; s < subsets.size(); ++s) {
        const double change = f_ - f[s];
        changes += change * change;
        for (std::size_t m = 0; m < count; ++m) {
          double sum = 0;
          for (const std::int64_t u : subsets[s]) sum += values(m, n)[static_cast<std::size_t>(u)];
          products[m] += sum * change;
          squares[m] += sum * sum;
          misses[m] += (sum - change) * (sum - change);
        }
      }
      left -= static_cast<std::int64_t>(subsets.size());
    }
    for (std::size_t m = 0; m < count && changes > 0; ++m) {
      score(m, Metric::kInfidelity, n) = misses[m] / changes;
      // min over b of E (b s - d)^2 / E d^2 = 1 - (E s d)^2 / (E s^2 E d^2)
      const double explained = squares[m] > 0 ? products[m] * products[m] / (squares[m] * changes) : 0;
      score(m, Metric::kInfidelityScaled, n) = std::max(0.0, 1 - explained);
    }
  }

  [[nodiscard]] Curve summarise(const Bootstrap& bootstrap, const std::vector<std::vector<double>>& curves) const {
    Curve result;
    for (std::size_t i = 0; i < removed_.size(); ++i) {
      std::vector<double> point;
      for (const std::vector<double>& curve : curves) point.push_back(curve[i]);
      const Score score = bootstrap.score(std::move(point));
      result.value.push_back(score.value);
      result.low.push_back(score.low);
      result.high.push_back(score.high);
    }
    return result;
  }

  [[nodiscard]] LayerEvaluation summarise(const Bootstrap& bootstrap) {
    const LayerChoice& layer = q_.setup.layers[q_.layer];
    LayerEvaluation result{layer.name, layer.node, layer.op,
                           layer.cut,  units_,     static_cast<std::int64_t>(sample_.size()),
                           removed_,   {},         overlap_};
    for (std::size_t m = 0; m < q_.methods.size(); ++m) {
      MethodEvaluation method{q_.methods[m].name,
                              q_.methods[m].is_reference,
                              {},
                              summarise(bootstrap, deletion_[m]),
                              summarise(bootstrap, insertion_[m])};
      for (std::size_t i = 0; i < kMetrics; ++i) method.scores[i] = bootstrap.score(std::move(scores_[m][i]));
      result.methods.push_back(std::move(method));
    }
    return result;
  }

  LayerQuestion& q_;
  const std::function<void(std::int64_t)>& done_;
  std::int64_t units_;
  std::int64_t examples_;
  std::vector<std::int64_t> removed_;
  std::vector<std::int64_t> all_;
  std::vector<std::int64_t> sample_;
  Intervention runs_;
  std::optional<std::size_t> ablation_;  ///< the reference of that name

  // Of the present example.
  double f_ = 0;           ///< at x
  double f_replaced_ = 0;  ///< with all units replaced
  std::vector<double> single_;
  std::vector<std::vector<std::int64_t>> orders_;

  std::vector<std::array<std::vector<double>, kMetrics>> scores_;
  std::vector<std::vector<std::vector<double>>> deletion_, insertion_;  ///< per method and example
  std::vector<std::vector<double>> overlap_;
};

}  // namespace

std::vector<std::int64_t> curve_points(std::int64_t units, std::int64_t points) {
  const std::int64_t count = std::min(units, points);
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i <= count; ++i) result.push_back((i * units + count / 2) / count);
  return result;
}

double area(const std::vector<std::int64_t>& removed, const std::vector<double>& values) {
  double sum = 0;
  for (std::size_t i = 1; i < removed.size(); ++i) {
    sum += static_cast<double>(removed[i] - removed[i - 1]) * (values[i] + values[i - 1]) / 2;
  }
  return sum / static_cast<double>(removed.back());
}

LayerEvaluation evaluate_layer(LayerQuestion question, const Bootstrap& bootstrap,
                               const std::function<void(std::int64_t)>& done) {
  return LayerRuns(question, done).run(bootstrap);
}

}  // namespace mho::attribution
