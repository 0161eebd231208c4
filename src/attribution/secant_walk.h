// Walks pieces of paths, one point after the other, and sums multipliers times differences on every segment.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "attribution/evaluator.h"
#include "attribution/owned_tensor.h"
#include "attribution/path_integral.h"
#include "attribution/segment_profile.h"

namespace mho::attribution {

/// One tensor per layer, in float64: memory of its own, or somebody's.
struct LayerSums {
  std::vector<OwnedTensor> memory = {};
  std::vector<Tensor> views = {};
};

/// Neighbouring segments of one example's path.
struct Strand {
  ExamplePath* path = nullptr;
  std::vector<double> alphas = {};    ///< descending; segment k lies between alphas[k] and alphas[k + 1]
  LayerSums* sums = nullptr;          ///< what is added to
  SegmentProfile* profile = nullptr;  ///< where segments are recorded, if anywhere
  std::int64_t lowest = 0;            ///< number in the profile of the segment with the smallest alphas
};

class SecantWalk {
 public:
  /// Called for every point of a path that was evaluated, with the value of the target there.
  using OnPoint = std::function<void(const ExamplePath&, double alpha, double target)>;

  /// `evaluator` was made with `chain`, and outlives this. `one_baseline`: all paths that share `from` share x'.
  SecantWalk(Evaluator& evaluator, Measure measure, OnPoint on_point)
      : evaluator_(evaluator), measure_(measure), on_point_(std::move(on_point)) {}

  /// All strands. A path whose target is not known yet must have one that begins at alpha = 1. Those that add to the
  /// same sums must be one: lanes are summed side by side.
  void run(std::span<const Strand> strands);
  [[nodiscard]] Measure measure() const { return measure_; }
  /// Zeros for every layer.
  [[nodiscard]] LayerSums zeros() const;

  /// Points of two strands of `segments` that meet at x': the second goes the other way.
  [[nodiscard]] static std::int64_t points_of_pair(std::int64_t segments) { return 2 * segments + 1; }

 private:
  /// A point, and what the segment that ends there adds to, unless it begins a strand.
  struct Stop {
    PathPoint point;
    double length = 0;  ///< of alpha that the segment covers; negative where it leads to larger ones
    LayerSums* sums = nullptr;
    SegmentProfile* profile = nullptr;
    std::int64_t segment = 0;           ///< of the profile
    const ExamplePath* also = nullptr;  ///< the path that begins here at its x', which is the same
  };
  using Lane = std::vector<Stop>;
  [[nodiscard]] std::size_t slots() const {
    return static_cast<std::size_t>(evaluator_.capacity()) / evaluator_.lane_count();
  }
  /// The points of each lane, one strand after the other.
  [[nodiscard]] std::vector<Lane> schedule(std::span<const Strand> strands) const;
  /// Whether the strand may begin, at x', where the lane ends.
  [[nodiscard]] bool meets(const Lane& lane, const Strand& strand) const;
  static void append(Lane& lane, const Strand& strand);
  static void append_reversed(Lane& lane, const Strand& strand);
  void note(std::size_t slot, const Stop& stop) const;
  /// Segments that end at neighbouring slots, in one direction, and add to the same sums.
  void add(std::size_t slot, std::span<const Stop* const> stops);

  Evaluator& evaluator_;
  Measure measure_;
  OnPoint on_point_;
};

}  // namespace mho::attribution
