// What is said about a run as a whole, gathered part by part.
#include "totals.h"

#include <cmath>

#include "report.h"

namespace mho::cli {

namespace {

constexpr std::size_t kExamplesNamed = 8;

}  // namespace

double larger(double worst, double value) noexcept { return std::isnan(worst) || value > worst ? value : worst; }

void Totals::add(const Result& part, bool split_by_input) {
  layers.resize(part.layers.size());
  for (std::size_t i = 0; i < part.layers.size(); ++i) {
    const LayerResult& layer = part.layers[i];
    for (const double value : layer.residual) layers[i].residual = larger(layers[i].residual, std::abs(value));
    for (const double value : layer.estimated_error) layers[i].error = larger(layers[i].error, value);
    layers[i].sums.add(layer, split_by_input);
  }
  for (std::size_t i = 0; i < part.converged.size(); ++i) {
    if (part.converged[i]) continue;
    if (late.size() < kExamplesNamed) late.push_back(examples + static_cast<std::int64_t>(i));
    ++late_count;
    late_error = larger(late_error, worst_error(part, i));
  }
  examples += static_cast<std::int64_t>(part.f_input.size());
}

}  // namespace mho::cli
