// Runs a model at points of paths: values, target and gradients of the layers, many points at a time.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "attribution/affine_stage.h"
#include "attribution/example_path.h"
#include "attribution/setup.h"
#include "engine/non_finite.h"
#include "engine/plan.h"

namespace mho::attribution {

using kernels::Tensor;

struct EvaluatorOptions {
  bool gradients = true;
  bool optimize = true;
  bool use_affine_prefix = true;
  bool multipliers = false;  ///< gradient() is the DeepLIFT multiplier between x and the reference
  engine::RuleOf rule_of = {};
  engine::RelevanceOf relevance_of = {};  ///< gradient() is relevance per unit (LRP)
  bool keep_values = false;               ///< audit() may be called
  bool chain = false;                     ///< with `multipliers`: the reference of every point is the point before it
  bool graded = false;                    ///< paths say where their points are closer together
  std::int64_t lanes = 1;                 ///< lanes_for(setup), or 1: how many threads run points of their own
};

/// In how many lanes a model of this size is run fastest: small ones on all threads side by side, one else.
[[nodiscard]] std::int64_t lanes_for(const Setup& setup);
/// How many points a lane takes at once, at most.
[[nodiscard]] std::int64_t lane_batch_for(const Setup& setup);

class Evaluator {
 public:
  /// `setup` and `target` must outlive this. At least `batch` points at once.
  Evaluator(const Setup& setup, const Target& target, std::int64_t batch, const EvaluatorOptions& options);

  [[nodiscard]] std::int64_t capacity() const { return lane_batch_ * static_cast<std::int64_t>(lanes_.size()); }
  /// How many equal parts evaluate() cuts its points into, which run side by side.
  [[nodiscard]] std::size_t lane_count() const { return lanes_.size(); }
  /// At which of `count` points the part of `lane` begins.
  [[nodiscard]] std::size_t first_of_lane(std::size_t lane, std::size_t count) const {
    const std::size_t each = (count + lanes_.size() - 1) / lanes_.size();
    return std::min(count, lane * each);
  }
  [[nodiscard]] std::size_t layer_count() const { return setup_->layers.size(); }
  /// Whether all paths begin at the same values.
  [[nodiscard]] bool one_baseline() const { return one_baseline_; }
  /// True where the path starts behind the model's inputs, at values that are affine in them.
  [[nodiscard]] bool uses_affine_prefix() const { return prefix_ != nullptr; }
  [[nodiscard]] ExamplePath path(std::int64_t example) { return path(example, example); }
  /// From example `reference` of the baselines.
  [[nodiscard]] ExamplePath path(std::int64_t example, std::int64_t reference);

  /// At most capacity() points. A path's first point must be alpha = 1, where its target is chosen.
  /// With `chain`, gradient() of a point is the multiplier between it and the point before it, and reference_value() is
  /// at that one: the one before it in its lane, or for the first of a lane the lane's last one of the last evaluate(),
  /// which must have had capacity() points.
  /// Throws Error(kNumeric) where the target is NaN or infinite.
  void evaluate(std::span<const PathPoint> points);
  /// Of the points of the last evaluate(); valid until the next one.
  [[nodiscard]] double target(std::size_t point) const { return targets_[point]; }
  /// Of `count` points from this one on, which must be of one lane.
  [[nodiscard]] Tensor value(std::size_t layer, std::size_t point, std::size_t count = 1) const;
  [[nodiscard]] Tensor gradient(std::size_t layer, std::size_t point, std::size_t count = 1) const;
  /// The target of another path at a point, which must be one of its own too, as x' may be.
  [[nodiscard]] double target(std::size_t point, const ExamplePath& path) const;

  /// With `multipliers`: runs the model at alpha = 0 of the paths in these slots, for all evaluate() until the next
  /// call.
  void evaluate_reference(std::span<const PathPoint> points);
  /// With `multipliers` and `keep_values`: as evaluate(), and which nodes lose sums.
  [[nodiscard]] std::vector<engine::NodeResidual> audit(std::span<const PathPoint> points);
  [[nodiscard]] double reference_target(std::size_t point) const { return reference_targets_[point]; }
  [[nodiscard]] Tensor reference_value(std::size_t layer, std::size_t point, std::size_t count = 1) const;

  /// Where NaN or infinities arise at this point, in the forward run and, if it has none, in the backward one. With
  /// `multipliers` the reference is at alpha = `reference`.
  [[nodiscard]] engine::NonFinite non_finite(ExamplePath& path, double alpha, double reference);
  /// Types of one example's layer tensors.
  [[nodiscard]] const std::vector<kernels::TensorType>& layer_types() const { return layer_types_; }
  [[nodiscard]] kernels::Device& device() const { return *setup_->network->device(); }
  [[nodiscard]] const engine::Plan& plan() const { return *lanes_.front().plan; }
  /// Calls body(first, end) for the points that each lane had in the last evaluate(), side by side.
  void for_each_lane(const std::function<void(std::size_t, std::size_t)>& body) const;

 private:
  struct Feeds;
  struct Frontier;
  [[nodiscard]] Frontier affine_frontier(const graph::Graph& graph, bool past_layers) const;
  [[nodiscard]] Feeds choose_feeds(const graph::Graph& graph, bool allow_prefix) const;
  void grade(std::span<PathEnds> paths) const;
  [[nodiscard]] Array input_at(const std::string& name, std::int64_t example, std::int64_t reference,
                               bool at_input) const;
  [[nodiscard]] PathEnd end(std::int64_t example, std::int64_t reference, bool at_input);
  /// One end of one path: where of which example, with which reference.
  struct End {
    std::int64_t example;
    std::int64_t reference;
    bool at_input;
    bool operator==(const End&) const = default;
  };
  [[nodiscard]] std::vector<PathEnd> behind_prefix(std::span<const End> ends);
  [[nodiscard]] std::vector<End> with_next(const End& end) const;
  enum class Run { input, reference };
  struct Lane {
    std::shared_ptr<engine::Plan> plan;
    std::shared_ptr<kernels::Device> device;
    std::vector<std::int64_t> seeded;  ///< per slot: the example its seed belongs to
  };
  /// Where a point of the last call lies.
  struct Place {
    const Lane* lane;
    std::int64_t slot;
  };
  [[nodiscard]] Place place(std::size_t point) const {
    const std::size_t each = (point_count_ + lanes_.size() - 1) / lanes_.size();
    return {&lanes_[point / each], static_cast<std::int64_t>(point % each)};
  }
  [[nodiscard]] Tensor slot(const Tensor& whole, std::int64_t index) const;
  /// Calls body(lane, points of the lane), side by side.
  void in_lanes(std::span<const PathPoint> points, const std::function<void(Lane&, std::span<const PathPoint>)>& body);
  void feed(Lane& lane, std::span<const PathPoint> points, Run run = Run::input) const;
  void seed_all(Lane& lane, std::span<const PathPoint> points) const;
  /// Runs at x and chooses the targets that are not known yet.
  void run_forward(std::span<const PathPoint> points);
  void read_reference_targets(std::span<const PathPoint> points);
  void read_targets(const Lane& lane, std::span<const PathPoint> points, double* targets) const;
  void choose_target(const Tensor& values, ExamplePath& path) const;
  [[nodiscard]] double read_target(const Tensor& values, const ExamplePath& path) const;
  void require_finite(double target, const PathPoint& point) const;

  const Setup* setup_;
  const Target* wanted_;
  EvaluatorOptions options_;
  std::int64_t lane_batch_;
  std::vector<std::string> fed_inputs_;   ///< names, where the plan is fed at the inputs
  std::vector<bool> interpolated_;        ///< per feed: moves along the path
  std::shared_ptr<engine::Plan> prefix_;  ///< inputs of some examples to the plan's feeds
  std::int64_t prefix_batch_ = 1;
  std::vector<std::pair<End, PathEnd>> ahead_;  ///< that were computed together last
  bool one_baseline_ = false;                   ///< all paths begin at the same values
  std::vector<std::string> prefix_inputs_;
  std::optional<AffineStage> stage_;      ///< where paths are graded, and not by what is fed
  std::vector<PathEnds> paths_ahead_;     ///< that were graded together last
  std::vector<std::string> fed_tensors_;  ///< per feed behind the prefix: the baseline of its own, "" where it has none
  std::vector<Lane> lanes_;
  std::size_t point_count_ = 1;
  std::vector<kernels::TensorType> layer_types_;
  std::vector<double> targets_;
  std::vector<double> reference_targets_;
};

}  // namespace mho::attribution
