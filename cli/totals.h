// What is said about a run as a whole, gathered part by part: the results themselves need not be in memory.
#pragma once

#include <mho/attribution.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "ranking.h"

namespace mho::cli {

struct Totals {
  struct Layer {
    double residual = std::numeric_limits<double>::quiet_NaN();  ///< largest magnitude; NaN where there is none
    double error = std::numeric_limits<double>::quiet_NaN();     ///< largest estimated error; NaN where there is none
    double cancellation = 1;                                     ///< the largest
    RankingSums sums;
  };
  std::vector<Layer> layers;
  std::int64_t examples = 0;
  std::vector<std::int64_t> late;  ///< the first examples that did not converge, counted from 0
  std::int64_t late_count = 0;
  double late_error = 0;                ///< the largest estimated error among them
  std::vector<std::int64_t> cancelled;  ///< the first examples whose F(x) - F(x') is lost to rounding in some layer
  std::int64_t cancelled_count = 0;

  void add(const Result& part, bool split_by_input);
};

/// Whether the result was computed in double precision.
[[nodiscard]] bool in_double(const Result& result);
/// The first of two numbers that is a number, or the larger one.
[[nodiscard]] double larger(double worst, double value) noexcept;

}  // namespace mho::cli
