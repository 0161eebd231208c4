// One example's way along its path: which points it still needs, and when its sums are good enough.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attribution/evaluator.h"
#include "attribution/path_integral.h"

namespace mho::attribution {

/// What the path integrator is asked for.
struct PathOptions {
  Measure measure = Measure::kDifferences;
  Quadrature rule = Quadrature::kAdaptive;
  std::int64_t steps = 0;         ///< segments of a fixed rule; of the first level if adaptive
  std::int64_t max_steps = 1024;  ///< at least 8
  double tolerance = 1e-2;
  bool smooth = false;             ///< is_smooth(): sums are extrapolated
  bool exact = false;              ///< the target is affine in every layer: one segment has no error
  std::int64_t stored_points = 0;  ///< path points whose values may be kept for the next level
};

/// One layer's sum and how far it may be off.
struct LayerEstimate {
  double norm = 0;   ///< L1
  double error = 0;  ///< relative L1; NaN where the rule has no estimate
};

/// Adaptive: T_K with K = 8, 16, …, each level compared with the one before (T_4 comes with T_8), until
/// ||T_K - T_{K/2}||_1 <= tolerance * ||T_K||_1 in every layer (MATHS.md section 2). Points of earlier levels are
/// taken from memory as far as `stored_points` goes and evaluated again beyond. Where all is smooth the result is
/// T_K + (T_K - T_{K/2}) / 3, whose error is a small part of that change, and which half of it bounds.
class ExampleRun {
 public:
  /// `layers`, their types, must outlive this.
  ExampleRun(ExamplePath path, const PathOptions& options, std::span<const kernels::TensorType> layers);
  ExampleRun(const ExampleRun&) = delete;
  ExampleRun& operator=(const ExampleRun&) = delete;

  [[nodiscard]] ExamplePath& path() { return path_; }
  [[nodiscard]] std::int64_t example() const { return path_.example; }
  /// The next point to evaluate, if one is left on this level that was not asked for yet.
  [[nodiscard]] std::optional<double> next_point();
  /// Takes point `slot` of the evaluator, which must be the next one asked for.
  void deliver(Evaluator& evaluator, std::size_t slot);
  /// After the deliveries of one evaluate(): closes the level if it is complete, and copies what the next needs.
  void settle(kernels::Device& device);

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool converged() const { return converged_; }
  [[nodiscard]] double f_input() const { return f_input_; }
  [[nodiscard]] double f_baseline() const { return f_baseline_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  [[nodiscard]] std::int64_t evaluations() const { return evaluations_; }
  [[nodiscard]] const std::vector<LayerEstimate>& estimates() const { return estimates_; }
  [[nodiscard]] kernels::Tensor sum(std::size_t layer) { return fine_->sum(layer); }
  [[nodiscard]] const std::vector<PathNode>& nodes() const { return nodes_; }

 private:
  /// A point whose values are kept for the next levels: memory that is taken as its first level begins.
  struct Stored {
    explicit Stored(std::span<const kernels::TensorType> layers);
    void copy(const PointView& point);
    std::vector<OwnedTensor> memory;
    PointView view;  ///< of `memory`
    bool known = false;
  };
  [[nodiscard]] bool is_known(double alpha) const;
  void start_level(std::int64_t steps);
  void consume(kernels::Device& device, const PointView& point);
  void consume_stored(kernels::Device& device);
  void close_level();
  void extrapolate();
  [[nodiscard]] bool extrapolates() const { return adaptive() && options_.smooth && !options_.exact; }
  [[nodiscard]] bool adaptive() const { return options_.rule == Quadrature::kAdaptive && options_.steps == 0; }
  [[nodiscard]] double trapezoid_weight(std::size_t node, std::size_t stride) const;
  [[nodiscard]] bool to_be_stored(std::size_t node) const;

  ExamplePath path_;
  PathOptions options_;
  std::span<const kernels::TensorType> layers_;
  PointView delivered_;
  std::int64_t steps_ = 0;
  std::vector<PathNode> nodes_;
  std::size_t asked_ = 0;
  std::size_t consumed_ = 0;
  std::unique_ptr<PathIntegral> fine_;
  std::unique_ptr<PathIntegral> coarse_;  ///< T_{K/2}: of every second node on the first level, then the level before
  bool coarse_is_open_ = false;           ///< coarse_ still takes nodes
  std::map<double, Stored> stored_;
  std::vector<LayerEstimate> estimates_;
  double f_input_ = 0;
  double f_baseline_ = 0;
  std::int64_t evaluations_ = 0;
  bool done_ = false;
  bool converged_ = true;
};

}  // namespace mho::attribution
