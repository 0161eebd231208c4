// Runs a model at points of paths: values, target and gradients of the layers, many points at a time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attribution/owned_tensor.h"
#include "attribution/setup.h"
#include "engine/plan.h"

namespace mho::attribution {

using kernels::Tensor;

/// The straight path of one example from its baseline to its input, in what is fed to the plan.
struct ExamplePath {
  std::int64_t example = 0;
  std::vector<OwnedTensor> from;      ///< per feed, at x'
  std::vector<OwnedTensor> to;        ///< per feed, at x
  std::optional<TargetTerms> target;  ///< known once x was evaluated
};

/// One point of one path.
struct PathPoint {
  ExamplePath* path = nullptr;
  double alpha = 1;
};

struct EvaluatorOptions {
  bool gradients = true;
  bool optimize = true;
  bool use_affine_prefix = true;
  bool multipliers = false;  ///< gradient() is the DeepLIFT multiplier between x and the reference
  engine::RuleOf rule_of = {};
  bool keep_values = false;  ///< audit() may be called
  bool walk = false;         ///< with `multipliers`: start_walk() and walk_on() take the place of evaluate()
};

class Evaluator {
 public:
  /// `setup` and `target` must outlive this.
  Evaluator(const Setup& setup, const Target& target, std::int64_t batch, const EvaluatorOptions& options);

  [[nodiscard]] std::int64_t capacity() const { return batch_; }
  [[nodiscard]] std::size_t layer_count() const { return setup_->layers.size(); }
  /// True where the path starts behind the model's inputs, at values that are affine in them.
  [[nodiscard]] bool uses_affine_prefix() const { return prefix_ != nullptr; }
  [[nodiscard]] ExamplePath path(std::int64_t example) { return path(example, example); }
  /// From example `reference` of the baselines.
  [[nodiscard]] ExamplePath path(std::int64_t example, std::int64_t reference);

  /// At most capacity() points. A path's first point must be alpha = 1, where its target is chosen.
  /// Throws Error(kNumeric) where the target is NaN or infinite.
  void evaluate(std::span<const PathPoint> points);
  /// Of the points of the last evaluate(); valid until the next one.
  [[nodiscard]] double target(std::size_t point) const { return targets_[point]; }
  [[nodiscard]] Tensor value(std::size_t layer, std::size_t point) const;
  [[nodiscard]] Tensor gradient(std::size_t layer, std::size_t point) const;

  /// With `multipliers`: runs the model at alpha = 0 of the paths in these slots, for all evaluate() until the next
  /// call.
  void evaluate_reference(std::span<const PathPoint> points);
  /// With `multipliers` and `keep_values`: as evaluate(), and which nodes lose sums.
  [[nodiscard]] std::vector<engine::NodeResidual> audit(std::span<const PathPoint> points);
  /// With `walk`: the points at which every slot begins.
  void start_walk(std::span<const PathPoint> points);
  /// The slots' next points; gradient() is the multiplier between them and the points before, value() is at the new
  /// ones and reference_value() at the ones before.
  void walk_on(std::span<const PathPoint> points);
  [[nodiscard]] double reference_target(std::size_t point) const { return reference_targets_[point]; }
  [[nodiscard]] Tensor reference_value(std::size_t layer, std::size_t point) const;

  /// The name of the first tensor that is NaN or infinite at one of the points; empty if there is none.
  [[nodiscard]] std::string first_non_finite(std::span<const PathPoint> points);
  /// Types of one example's layer tensors.
  [[nodiscard]] const std::vector<kernels::TensorType>& layer_types() const { return layer_types_; }
  [[nodiscard]] kernels::Device& device() const { return *setup_->network->device(); }
  [[nodiscard]] const engine::Plan& plan() const { return *plan_; }

 private:
  struct Feeds;
  [[nodiscard]] Feeds choose_feeds(const graph::Graph& graph, bool allow_prefix) const;
  enum class Run { input, reference };
  void feed(std::span<const PathPoint> points, Run run = Run::input);
  void seed(std::size_t slot, const ExamplePath& path);
  /// Runs at x, reads targets and writes seeds: what comes before a backward pass.
  void run_forward(std::span<const PathPoint> points);
  void read_reference_targets(std::span<const PathPoint> points);
  [[nodiscard]] double read_target(std::size_t slot, const PathPoint& point, Run run = Run::input);

  const Setup* setup_;
  const Target* wanted_;
  std::int64_t batch_;
  bool multipliers_;
  std::vector<std::string> fed_inputs_;   ///< names, where the plan is fed at the inputs
  std::vector<bool> interpolated_;        ///< per feed: moves along the path
  std::shared_ptr<engine::Plan> prefix_;  ///< inputs of one example to the plan's feeds
  std::vector<std::string> prefix_inputs_;
  std::vector<std::string> fed_tensors_;  ///< per feed behind the prefix: the baseline of its own, "" where it has none
  std::shared_ptr<engine::Plan> plan_;
  std::vector<kernels::TensorType> layer_types_;
  std::vector<double> targets_;
  std::vector<double> reference_targets_;
  std::vector<std::int64_t> seeded_;                ///< per slot: the example its seed belongs to
  std::vector<std::int64_t> seeded_on_other_side_;  ///< of a walk
};

}  // namespace mho::attribution
