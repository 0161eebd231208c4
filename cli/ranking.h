// The neurons and channels of a layer that contributed most.
#pragma once

#include <mho/attribution.h>

#include <cstdint>
#include <span>
#include <vector>

namespace mho::cli {

struct Ranked {
  std::vector<std::int64_t> index;  ///< of the neuron in its layer (without the example axis), or of the channel
  double mean = 0;                  ///< over examples
  double magnitude = 0;             ///< mean over examples of the absolute value
  double share = 0;                 ///< of the layer's summed magnitude
};

struct Ranking {
  std::int64_t neurons = 0;
  std::vector<Ranked> top_neurons;   ///< by magnitude, largest first
  std::vector<Ranked> top_channels;  ///< values summed over positions first; empty where a layer has no positions
};

/// Sums over examples from which a layer is ranked; parts of a run are added one after the other.
class RankingSums {
 public:
  void add(const LayerResult& layer, bool split_by_input);
  [[nodiscard]] Ranking rank(std::size_t top) const;

 private:
  struct Groups {
    std::vector<double> sum;
    std::vector<double> magnitude;  ///< sum of absolute values
  };
  static void add(std::span<const double> values, std::size_t examples, Groups& groups);
  [[nodiscard]] std::vector<Ranked> largest(const Groups& groups, std::size_t top, const Shape& shape) const;

  Shape shape_;  ///< of the neurons
  std::int64_t examples_ = 0;
  Groups neurons_;
  Groups channels_;  ///< empty where the layer has no positions
};

/// The `top` first of one layer. With `split_by_input`, values are summed over the inputs.
[[nodiscard]] Ranking rank_layer(const LayerResult& layer, std::size_t top, bool split_by_input);

/// Shape of one example of the layer's values.
[[nodiscard]] Shape neuron_shape(const LayerResult& layer);
/// The index that `flat` stands for in a row-major array.
[[nodiscard]] std::vector<std::int64_t> unravel(std::int64_t flat, const Shape& shape);

}  // namespace mho::cli
