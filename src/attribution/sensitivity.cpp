// Inputs with noise, for the max-sensitivity of a measure (Yeh et al. 2019, arXiv 1901.09392).
#include "attribution/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/random_stream.h"

namespace mho::attribution {

std::optional<Inputs> with_noise(const Setup& setup, const Inputs& inputs, double radius, std::uint64_t seed,
                                 std::int64_t number) {
  constexpr std::uint64_t kPurpose = 4;
  Inputs result = inputs;
  bool moved = false;
  std::uint64_t which = 0;
  for (auto& [name, array] : result) {
    ++which;
    const auto batched = setup.inputs.shapes.batched.find(name);
    const bool real = array.dtype() == DType::f32 || array.dtype() == DType::f64;
    if (!real || array.size() == 0 || batched == setup.inputs.shapes.batched.end() || !batched->second) continue;
    Array noisy = array.to(DType::f64);
    const std::span<double> values = noisy.as<double>();
    const auto [low, high] = std::ranges::minmax(values);
    const double r = radius * (high - low);
    if (!(r > 0)) continue;
    moved = true;
    const std::size_t size = values.size() / static_cast<std::size_t>(setup.inputs.count);
    for (std::size_t i = 0; i < values.size(); i += size) {
      RandomStream random({seed, kPurpose, static_cast<std::uint64_t>(number), which, i / size});
      for (std::size_t k = i; k < i + size; ++k) values[k] += r * (2 * random.uniform() - 1);
    }
    array = noisy.to(array.dtype());
  }
  if (!moved) return std::nullopt;
  return result;
}

std::vector<double> relative_changes(std::span<const double> values, std::span<const double> noisy,
                                     std::int64_t count) {
  std::vector<double> changes;
  const std::size_t size = values.size() / static_cast<std::size_t>(count);
  for (std::size_t first = 0; first < values.size(); first += size) {
    double change = 0, norm = 0;
    for (std::size_t i = first; i < first + size; ++i) {
      change += (noisy[i] - values[i]) * (noisy[i] - values[i]);
      norm += values[i] * values[i];
    }
    changes.push_back(norm > 0 ? std::sqrt(change / norm) : std::numeric_limits<double>::quiet_NaN());
  }
  return changes;
}

}  // namespace mho::attribution
