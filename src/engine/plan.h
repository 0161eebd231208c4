// A Plan: the part of a graph between fed values and wanted values, laid out in one arena and ready to run.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/rules.h"
#include "graph/graph.h"
#include "kernels/poll.h"

namespace mho::engine {

using graph::Graph;
using graph::ValueId;
using kernels::Poll;
using kernels::Tensor;
using kernels::TensorType;

/// What to compute. Ids are those of the graph given to the Plan.
struct PlanRequest {
  std::vector<ValueId> feeds;      ///< written by the caller before forward(); any values of the graph
  std::vector<ValueId> fetches;    ///< readable after forward()
  std::vector<ValueId> seeds;      ///< values whose cotangents the caller writes before backward(); they stay, except
                                   ///< that a seed on which another seed depends has the sum afterwards
  std::vector<ValueId> gradients;  ///< d(sum of seed * value) / d(these), readable after backward()
  /// Feeds that differ between the input and the reference. If there are any, the Plan has a second run, the reference,
  /// and backward() computes DeepLIFT multipliers in place of gradients (MATHS.md section 3).
  std::vector<ValueId> moving = {};
  RuleOf rule_of = {};  ///< of nodes that are not linear in what moves
  /// With it, and `moving`, there is no reference: backward() computes relevance per unit of every value (LRP,
  /// engine/relevance.h) in place of gradients.
  RelevanceOf relevance_of = {};
};

struct PlanOptions {
  bool optimize = true;          ///< run the graph passes (fusion, folding, layouts)
  bool repeat_backward = false;  ///< backward() may run several times after one forward(); costs memory
  bool keep_values = false;      ///< audit() may run; costs much memory
  /// For multipliers: how many slots the leading axes of all that moves are cut into. The reference of a slot is the
  /// slot before it, that of the first slot the last one of the run before; there is no forward_reference(). 0: none.
  std::int64_t chain = 0;
  std::vector<std::string> disabled_passes = {};  ///< of graph::all_passes(), or "choose_layouts"
  bool operator==(const PlanOptions&) const = default;
};

/// What one node's rule adds to the residual of summation-to-delta: sum of multipliers times differences of its
/// outputs, less the same of its inputs.
struct NodeResidual {
  const graph::Node* node = nullptr;
  double residual = 0;
};

/// Runs allocate nothing after the first. One Plan is used by one thread at a time.
class Plan {
 public:
  /// Throws Error(kInternal) if a wanted value does not depend on feeds and constants only, Error(kInvalidArgument) if
  /// there is no pass of a name in disabled_passes, Error(kUnsupported) for a node that the rule chosen for it does not
  /// fit, or without any rule for multipliers or relevance.
  Plan(const Graph& graph, const PlanRequest& request, std::shared_ptr<kernels::Device> device,
       const PlanOptions& options = {}, Poll* poll = nullptr);
  ~Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;

  /// Tensors in the order of the request. Feeds are plain; the others may be blocked. Seeds and gradients have the
  /// layout of their value.
  [[nodiscard]] const Tensor& feed(std::size_t i) const;
  [[nodiscard]] const Tensor& fetch(std::size_t i) const;
  [[nodiscard]] const Tensor& seed(std::size_t i) const;
  [[nodiscard]] const Tensor& gradient(std::size_t i) const;
  [[nodiscard]] std::size_t gradient_count() const;

  /// The same tensors in the run at the reference, with `chain` from its last slot on. They exist only in a Plan for
  /// multipliers.
  [[nodiscard]] const Tensor& reference_feed(std::size_t i) const;
  [[nodiscard]] const Tensor& reference_fetch(std::size_t i) const;

  /// Runs ask `poll`, where there is one, before every operator.
  void forward(Poll* poll = nullptr);
  /// Runs the reference, which serves any number of forward() and backward() runs after it.
  void forward_reference(Poll* poll = nullptr);
  void backward(Poll* poll = nullptr);
  /// backward() in a Plan for multipliers with keep_values, and where sums are lost: every node that ran, last one
  /// first. The residuals add up to that of the fed values, where these are among the request's gradients.
  [[nodiscard]] std::vector<NodeResidual> audit();

  /// The same runs, showing what every node of graph() made while it is there: memory is used again.
  using LookForward =
      std::function<void(const graph::Node&, std::span<const Tensor> inputs, std::span<const Tensor> outputs)>;
  void forward(const LookForward& look);
  /// `gradients` are those of the node's inputs, without data where none is wanted.
  using LookBackward = std::function<void(const graph::Node&, std::span<const Tensor> gradients)>;
  void backward(const LookBackward& look);

  [[nodiscard]] std::size_t arena_bytes() const;
  [[nodiscard]] double forward_flops() const;
  [[nodiscard]] double backward_flops() const;
  /// The graph that is run, after all passes.
  [[nodiscard]] const Graph& graph() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mho::engine
