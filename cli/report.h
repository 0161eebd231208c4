// What `mho attribute` tells about a result, for people.
#pragma once

#include <mho/attribution.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ranking.h"
#include "totals.h"

namespace mho::cli {

/// A result and what is said about it.
struct Report {
  std::string model;
  std::string baseline;
  std::string target;      ///< as given with -t
  std::int64_t first = 0;  ///< number of the first example in the input files
  const Request& request;
  const Result& result;
  std::vector<std::string> labels;
  std::vector<Ranking> rankings;      ///< one per layer of the result
  std::optional<Totals> totals = {};  ///< of the whole run, where the result holds its first examples only
};

/// Header, one line per example, and the ranked neurons and channels of every layer.
[[nodiscard]] std::string report_text(const Report& report);

/// What to tell of examples that did not reach the tolerance; "" if all did.
[[nodiscard]] std::string convergence_warning(const Report& report);
/// What to tell of examples whose F(x) - F(x') is a small difference of large numbers; "" if there are none.
[[nodiscard]] std::string cancellation_warning(const Report& report);

/// Largest |residual| and largest estimated error of one example over all layers; NaN where there is none.
[[nodiscard]] double worst_residual(const Result& result, std::size_t example);
[[nodiscard]] double worst_error(const Result& result, std::size_t example);
/// Largest difference between bfloat16 and float32 over all layers; NaN where it was not measured.
[[nodiscard]] double worst_precision_error(const Result& result);

}  // namespace mho::cli
