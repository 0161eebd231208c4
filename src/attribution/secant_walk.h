// Walks pieces of paths, one point after the other, and sums multipliers times differences on every segment.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "attribution/evaluator.h"
#include "attribution/owned_tensor.h"
#include "attribution/path_integral.h"

namespace mho::attribution {

/// One tensor per layer, in float64.
using LayerSums = std::vector<OwnedTensor>;

/// Neighbouring segments of one example's path.
struct Strand {
  ExamplePath* path = nullptr;
  std::vector<double> alphas = {};    ///< descending; segment k lies between alphas[k] and alphas[k + 1]
  std::vector<LayerSums*> sums = {};  ///< per segment: what is added to
};

class SecantWalk {
 public:
  /// Called for every point that was evaluated, with the value of the target there.
  using OnPoint = std::function<void(const PathPoint&, double target)>;

  /// `evaluator` was made with `chain`, and outlives this.
  SecantWalk(Evaluator& evaluator, Measure measure, OnPoint on_point)
      : evaluator_(evaluator), measure_(measure), on_point_(std::move(on_point)) {}

  /// All strands. A path whose target is not known yet must have one that begins at alpha = 1. Those that add to the
  /// same sums must be one: lanes are summed side by side.
  void run(std::span<const Strand> strands);
  /// Zeros for every layer.
  [[nodiscard]] LayerSums zeros() const;

 private:
  /// A point, and what the segment that ends there adds to, unless it begins a strand.
  struct Stop {
    PathPoint point;
    double length = 0;
    LayerSums* sums = nullptr;
  };
  /// The points of each lane, one strand after the other.
  [[nodiscard]] std::vector<std::vector<Stop>> schedule(std::span<const Strand> strands) const;
  void add(std::size_t slot, const Stop& stop);

  Evaluator& evaluator_;
  Measure measure_;
  OnPoint on_point_;
};

}  // namespace mho::attribution
