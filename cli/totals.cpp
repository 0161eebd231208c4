// What is said about a run as a whole, gathered part by part.
#include "totals.h"

#include <algorithm>
#include <cmath>

#include "report.h"

namespace mho::cli {

namespace {

constexpr std::size_t kExamplesNamed = 8;

/// Rounding of F and of the values is some units in the last place; where cancellation makes a hundredth of
/// F(x) - F(x') of them, the difference is not to be believed.
double most_cancellation(const Result& result) {
  constexpr double kUnits = 8;
  return 0.01 / (kUnits * (in_double(result) ? std::numeric_limits<double>::epsilon()
                                             : static_cast<double>(std::numeric_limits<float>::epsilon())));
}

}  // namespace

bool in_double(const Result& result) {
  const auto precision = result.metadata.find("precision");
  return precision != result.metadata.end() && precision->second == "double";
}

double larger(double worst, double value) noexcept { return std::isnan(worst) || value > worst ? value : worst; }

void Totals::add(const Result& part, bool split_by_input) {
  layers.resize(part.layers.size());
  for (std::size_t i = 0; i < part.layers.size(); ++i) {
    const LayerResult& layer = part.layers[i];
    for (const double value : layer.residual) layers[i].residual = larger(layers[i].residual, std::abs(value));
    for (const double value : layer.cancellation) layers[i].cancellation = std::max(layers[i].cancellation, value);
    for (const double value : layer.estimated_error) layers[i].error = larger(layers[i].error, value);
    layers[i].sums.add(layer, split_by_input);
  }
  for (std::size_t i = 0; i < part.converged.size(); ++i) {
    if (part.converged[i]) continue;
    if (late.size() < kExamplesNamed) late.push_back(examples + static_cast<std::int64_t>(i));
    ++late_count;
    late_error = larger(late_error, worst_error(part, i));
  }
  const double most = most_cancellation(part);
  for (std::size_t n = 0; n < part.f_input.size(); ++n) {
    const bool lost = std::ranges::any_of(part.layers, [&](const LayerResult& layer) {
      return n < layer.cancellation.size() && layer.cancellation[n] > most;
    });
    if (!lost) continue;
    if (cancelled.size() < kExamplesNamed) cancelled.push_back(examples + static_cast<std::int64_t>(n));
    ++cancelled_count;
  }
  examples += static_cast<std::int64_t>(part.f_input.size());
}

}  // namespace mho::cli
