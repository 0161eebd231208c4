// What a page keeps of every layer: sums of all, and as many values as there is room for.
#pragma once

#include <mho/attribution.h>

#include <cstdint>
#include <span>
#include <vector>

namespace mho::report {

/// Examples first <= i < last.
struct Examples {
  std::int64_t first = 0;
  std::int64_t last = 0;
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(last - first); }
};

/// A layer as examples x channels x positions. Channels are its first axis where it has more than one; a layer without
/// positions has one.
struct View {
  Shape shape;  ///< of one example; inputs that conductance is split by are summed over
  std::size_t channels = 1;
  std::size_t positions = 1;
  std::vector<double> values;  ///< of the examples shown

  [[nodiscard]] std::size_t neurons() const { return channels * positions; }
  [[nodiscard]] double at(std::size_t example, std::size_t neuron) const {
    return values[example * neurons() + neuron];
  }
};
[[nodiscard]] View view(const LayerResult& layer, Examples examples, bool split_by_input);

/// How much of a layer's values is kept.
enum class Detail {
  kNeurons,   ///< all
  kChannels,  ///< sums over positions, and sums over channels
  kTop,       ///< the channels (neurons, where there are no positions) of the largest mean magnitude
};
struct Plan {
  Detail detail = Detail::kNeurons;
  std::size_t top = 0;  ///< kTop: how many
};
/// Extents of a layer, for the plan.
struct Extents {
  std::size_t channels = 1;
  std::size_t positions = 1;
};
/// Bytes of the page that a layer's values take.
[[nodiscard]] std::size_t cost(const Extents& layer, const Plan& plan, std::size_t examples);
/// One plan per layer so that all together stay within `budget`: the largest layers give way first.
/// Throws Error(kLimit) where nothing does.
[[nodiscard]] std::vector<Plan> plan_layers(std::span<const Extents> layers, std::size_t examples, std::size_t budget);

/// Sums over a layer's neurons, per example.
struct Sums {
  std::vector<double> positive;
  std::vector<double> negative;
};
[[nodiscard]] Sums sums(const View& view);

struct Kept {
  std::vector<std::int64_t> index;  ///< kTop: of the channels (neurons) kept, largest first
  std::vector<float> values;        ///< examples x what is kept
  std::vector<float> positions;     ///< kChannels: examples x positions, sums over channels
  double magnitude = 0;             ///< mean over examples of the summed |value| of all units, kept or not
};
[[nodiscard]] Kept keep(const View& view, const Plan& plan);

}  // namespace mho::report
