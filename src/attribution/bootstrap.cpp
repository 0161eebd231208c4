// Confidence intervals over examples: the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).
#include "attribution/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "attribution/random_stream.h"

namespace mho::attribution {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t kPurpose = 0x626f6f74;  // this stream is like no other

double summary_of_finite(Statistic statistic, std::vector<double>& values) {
  if (values.empty()) return kNone;
  if (statistic == Statistic::kMean) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  std::ranges::sort(values);
  return quantile(values, 0.5);
}

}  // namespace

double summary(Statistic statistic, std::span<const double> values) {
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  return summary_of_finite(statistic, finite);
}

double quantile(std::span<const double> sorted, double q) {
  if (sorted.empty()) return kNone;
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Bootstrap::Bootstrap(std::size_t examples, const EvaluationRequest& request)
    : statistic_(request.statistic), confidence_(request.confidence) {
  resamples_.resize(static_cast<std::size_t>(request.resamples));
  for (std::size_t r = 0; r < resamples_.size(); ++r) {
    RandomStream random({request.seed, kPurpose, r});
    for (std::size_t i = 0; i < examples; ++i)
      resamples_[r].push_back(static_cast<std::uint32_t>(random.below(examples)));
  }
}

Score Bootstrap::score(std::vector<double> values) const {
  Score score{std::move(values), kNone, kNone, kNone};
  score.value = summary(statistic_, score.per_example);
  if (std::ranges::count_if(score.per_example, [](double v) { return std::isfinite(v); }) < 2) return score;
  std::vector<double> of_resamples;
  std::vector<double> drawn;
  for (const std::vector<std::uint32_t>& resample : resamples_) {
    drawn.clear();
    for (const std::uint32_t i : resample) {
      if (std::isfinite(score.per_example[i])) drawn.push_back(score.per_example[i]);
    }
    if (!drawn.empty()) of_resamples.push_back(summary_of_finite(statistic_, drawn));
  }
  std::ranges::sort(of_resamples);
  score.low = quantile(of_resamples, (1 - confidence_) / 2);
  score.high = quantile(of_resamples, (1 + confidence_) / 2);
  return score;
}

}  // namespace mho::attribution
