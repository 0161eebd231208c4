// Confidence intervals over examples: the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).
#pragma once

#include <mho/evaluation.h>

#include <cstdint>
#include <span>
#include <vector>

namespace mho::attribution {

/// The mean or median of the finite values; NaN where there are none.
[[nodiscard]] double summary(Statistic statistic, std::span<const double> values);
/// Quantile q of sorted values, linear between neighbours.
[[nodiscard]] double quantile(std::span<const double> sorted, double q);

/// Resamples of the examples, the same for every score, so that methods are compared on the same ones.
class Bootstrap {
 public:
  Bootstrap(std::size_t examples, const EvaluationRequest& request);

  /// `values`: one per example, NaN where it has none. The interval is NaN with fewer than two finite values.
  [[nodiscard]] Score score(std::vector<double> values) const;

 private:
  Statistic statistic_;
  double confidence_;
  std::vector<std::vector<std::uint32_t>> resamples_;
};

}  // namespace mho::attribution
