// Where on a path secants err: how multipliers and values change together from one segment to the next.
#include "attribution/segment_profile.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace mho::attribution {

namespace {

/// Of all layers together: as many show the same as all do.
constexpr std::size_t kNeurons = 1024;
constexpr std::size_t kFewest = 16;  ///< of one layer
/// Share of what changes with the multipliers alone: it says where kinks are in layers that move on a straight line.
constexpr double kStraight = 0.1;
/// Errors of a segment grow with this power of its length, or nearly so.
constexpr double kPower = 2;
/// Of the mean: a segment that shows no error has some points still.
constexpr double kLeastWeight = 0.25;

template <class T>
void gather(std::span<const T> multiplier, std::span<const T> low, std::span<const T> high, std::size_t stride,
            std::span<float> m, std::span<float> dy) {
  for (std::size_t i = 0; i < m.size(); ++i) {
    m[i] = static_cast<float>(multiplier[i * stride]);
    dy[i] = static_cast<float>(high[i * stride] - low[i * stride]);
  }
}

}  // namespace

std::vector<SegmentProfile::Sample> SegmentProfile::sampled(std::span<const kernels::TensorType> layers) {
  const std::size_t most = std::max(kFewest, kNeurons / std::max<std::size_t>(1, layers.size()));
  std::vector<Sample> result;
  for (const kernels::TensorType& type : layers) {
    const auto elements = static_cast<std::size_t>(type.stored_elements());
    Sample& sample = result.emplace_back();
    // Odd: blocks of channels are no multiples of it.
    sample.stride = std::max<std::size_t>(1, elements / most) | 1U;
    sample.count = (elements + sample.stride - 1) / sample.stride;
  }
  return result;
}

std::int64_t SegmentProfile::bytes_per_segment(std::span<const kernels::TensorType> layers) {
  std::size_t bytes = 0;
  for (const Sample& sample : sampled(layers)) bytes += 2 * sizeof(float) * sample.count;
  return static_cast<std::int64_t>(bytes);
}

SegmentProfile::SegmentProfile(std::span<const kernels::TensorType> layers, std::int64_t segments)
    : segments_(segments), layers_(sampled(layers)) {
  for (Sample& sample : layers_) {
    sample.multipliers.resize(sample.count * static_cast<std::size_t>(segments));
    sample.differences.resize(sample.multipliers.size());
  }
}

void SegmentProfile::record(std::int64_t segment, const Evaluator& evaluator, std::size_t slot, bool reversed) {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Sample& sample = layers_[l];
    const std::size_t first = static_cast<std::size_t>(segment) * sample.count;
    const std::span<float> m = std::span(sample.multipliers).subspan(first, sample.count);
    const std::span<float> dy = std::span(sample.differences).subspan(first, sample.count);
    const Tensor multiplier = evaluator.gradient(l, slot);
    Tensor low = evaluator.value(l, slot), high = evaluator.reference_value(l, slot);
    if (reversed) std::swap(low, high);
    if (low.dtype() == DType::f64) {
      gather<double>(multiplier.as<double>(), low.as<double>(), high.as<double>(), sample.stride, m, dy);
    } else {
      gather<float>(multiplier.as<float>(), low.as<float>(), high.as<float>(), sample.stride, m, dy);
    }
  }
}

// A secant's error is how g and y' vary together inside its segment. Between two neighbours, of lengths a and b, they
// do by (m_1 - m_2)(b dy_1 - a dy_2) / (a + b): half of it is each one's.
std::vector<double> SegmentProfile::weights(std::span<const double> alphas) const {
  const auto segments = static_cast<std::size_t>(segments_);
  std::vector<double> errors(segments, 0);
  for (const Sample& layer : layers_) {
    std::vector<double> own(segments, 0);
    double norm = 0;
    std::vector<double> sums(layer.count, 0);
    for (std::size_t k = 0; k < segments; ++k) {
      const float *m1 = layer.multipliers.data() + k * layer.count, *m2 = m1 + layer.count;
      const float *dy1 = layer.differences.data() + k * layer.count, *dy2 = dy1 + layer.count;
      for (std::size_t i = 0; i < layer.count; ++i) sums[i] += static_cast<double>(m1[i]) * dy1[i];
      if (k + 1 == segments) break;
      const double a = alphas[k + 1] - alphas[k], b = alphas[k + 2] - alphas[k + 1];
      double change = 0;
      for (std::size_t i = 0; i < layer.count; ++i) {
        const double first = dy1[i], second = dy2[i];
        change += std::abs(static_cast<double>(m1[i]) - m2[i]) *
                  (std::abs(b * first - a * second) / (a + b) + kStraight * (std::abs(first) + std::abs(second)) / 2);
      }
      // The outermost have one neighbour.
      own[k] += change / (k == 0 ? 1 : 2);
      own[k + 1] += change / (k + 2 == segments ? 1 : 2);
    }
    for (const double sum : sums) norm += std::abs(sum);
    for (std::size_t k = 0; k < segments && norm > 0; ++k) errors[k] += own[k] / norm;
  }
  for (double& error : errors) error = std::isfinite(error) ? std::pow(error, 1 / kPower) : 0;
  const double mean = std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(segments);
  for (double& error : errors) error = mean > 0 ? std::max(error, kLeastWeight * mean) : 1;
  return errors;
}

}  // namespace mho::attribution
