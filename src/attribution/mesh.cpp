// Points of one path, and how they move to where they are needed.
#include "attribution/mesh.h"

#include <algorithm>

namespace mho::attribution {

std::vector<double> graded_mesh(const ExamplePath& path, std::int64_t count) {
  std::vector<double> alphas;
  alphas.reserve(static_cast<std::size_t>(count) + 1);
  for (std::int64_t k = 0; k <= count; ++k) alphas.push_back(path.alpha(k, count));
  return alphas;
}

std::vector<double> redistributed(std::span<const double> alphas, std::span<const double> weights, std::int64_t count) {
  double total = 0;
  for (const double weight : weights) total += weight;
  std::vector<double> result{0};
  std::size_t segment = 0;
  double before = 0;  // weights of all segments in front of this one
  for (std::int64_t k = 1; k < count; ++k) {
    const double wanted = total * static_cast<double>(k) / static_cast<double>(count);
    while (segment + 1 < weights.size() && before + weights[segment] < wanted) before += weights[segment++];
    const double low = alphas[segment], high = alphas[segment + 1];
    result.push_back(low + (high - low) * std::min(1.0, (wanted - before) / weights[segment]));
  }
  result.push_back(1);
  return result;
}

}  // namespace mho::attribution
