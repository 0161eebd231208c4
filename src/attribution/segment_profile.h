// Where on a path secants err: how multipliers and values change together from one segment to the next.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attribution/evaluator.h"

namespace mho::attribution {

/// Multipliers m_k and differences dy_k of every segment, of some neurons of every layer: enough to tell how errors are
/// spread over the path, at no cost beside the sums.
class SegmentProfile {
 public:
  /// Of a path of `segments`, counted from x'.
  SegmentProfile(std::span<const kernels::TensorType> layers, std::int64_t segments);

  /// What it takes.
  [[nodiscard]] static std::int64_t bytes_per_segment(std::span<const kernels::TensorType> layers);

  /// Segment `segment` lies between point `slot` of the last evaluate() and its reference, which is at the larger
  /// alpha unless `reversed`. Different segments may be recorded side by side.
  void record(std::int64_t segment, const Evaluator& evaluator, std::size_t slot, bool reversed);

  /// How many points every segment should have, relative to the others: all positive. `alphas` ascend from 0 to 1, and
  /// every segment between them was recorded.
  [[nodiscard]] std::vector<double> weights(std::span<const double> alphas) const;

 private:
  struct Sample {
    std::size_t count = 0;                ///< neurons
    std::size_t stride = 1;               ///< elements from one to the next
    std::vector<float> multipliers = {};  ///< segments x neurons
    std::vector<float> differences = {};
  };
  [[nodiscard]] static std::vector<Sample> sampled(std::span<const kernels::TensorType> layers);
  std::int64_t segments_;
  std::vector<Sample> layers_;
};

}  // namespace mho::attribution
