// What a Plan keeps in memory, and when: which values get gradients, what backward steps read, what shares a buffer.
#pragma once

#include <limits>
#include <vector>

#include "engine/arena.h"
#include "engine/plan.h"
#include "engine/relevance.h"
#include "engine/signed_changes.h"

namespace mho::engine {

inline constexpr std::size_t kNoBuffer = std::numeric_limits<std::size_t>::max();

/// What a node does in backward().
enum class BackwardKind : std::uint8_t {
  vjp,
  multipliers,
  relevance,  ///< LRP, where it is not the vjp
  pass_on,    ///< the multiplier of the output is that of the active input
  zero,
};

/// The buffers of one backward step beyond those of values and gradients.
struct BackwardBuffers {
  std::vector<std::size_t> inputs;  ///< where input gradients are written; kNoBuffer: not wanted
  std::vector<bool> is_sum;         ///< the input has a gradient already: to be added to it
  std::vector<std::size_t> zeros;  ///< by output, cotangents that nothing downstream uses; kNoBuffer: it has a gradient
};

/// RevealCancel at one node.
struct SignedChangesBuffers {
  SignedChanges changes;                 ///< its sources are those with a gradient
  std::vector<std::size_t> corrections;  ///< one per source
};

/// Times: node n runs forward at n and backward at 2 * nodes - n. Buffers are tensors, or views of one tensor.
class Schedule {
 public:
  /// `graph` must outlive this. Throws Error(kUnsupported) for a node without a rule for multipliers.
  Schedule(const Graph& graph, const PlanRequest& request, kernels::DType real, const PlanOptions& options);

  [[nodiscard]] const std::vector<Lifetime>& lifetimes() const { return lifetimes_; }
  /// With a chain: bytes before the tensor in its buffer, where the last slot of the run before lies; 0 for what only
  /// the forward pass reads or what does not move.
  [[nodiscard]] std::size_t pad(std::size_t buffer) const { return pads_.empty() ? 0 : pads_[buffer]; }
  /// kNoBuffer for constants.
  [[nodiscard]] std::size_t value_buffer(ValueId id) const { return value_buffers_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::size_t gradient_buffer(ValueId id) const {
    return gradient_buffers_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] const std::vector<std::size_t>& saved_buffers(std::size_t node) const { return saved_buffers_[node]; }
  [[nodiscard]] const BackwardBuffers& backward_buffers(std::size_t node) const { return backward_[node]; }
  /// By node; without sources where the node's rule is another.
  [[nodiscard]] const SignedChangesBuffers& signed_changes(std::size_t node) const { return signed_changes_[node]; }

  [[nodiscard]] bool runs_backward(const graph::Node& node) const;
  [[nodiscard]] BackwardKind backward_kind(const graph::Node& node) const;
  [[nodiscard]] primitives::BackwardReads backward_reads(const graph::Node& node) const;
  /// Throws Error(kUnsupported) where LRP has no rule.
  [[nodiscard]] RelevanceStep relevance_step(const graph::Node& node) const;
  /// Inputs that may differ from the reference; for LRP, those that depend on what is explained.
  [[nodiscard]] primitives::Positions active_inputs(const graph::Node& node) const;
  /// Gradients are real, whatever their value is.
  [[nodiscard]] TensorType gradient_type(ValueId id) const;

 private:
  [[nodiscard]] std::size_t node_count() const { return graph_.nodes().size(); }
  [[nodiscard]] std::int64_t backward_time(std::size_t node) const;
  [[nodiscard]] bool passes_gradients(const graph::Node& node) const;
  [[nodiscard]] bool may_have_gradient(ValueId id) const;
  [[nodiscard]] bool passes_through(const graph::Node& node, std::size_t input) const;
  [[nodiscard]] primitives::Positions wanted_inputs(const graph::Node& node) const;
  [[nodiscard]] Rule rule_of(const graph::Node& node) const;
  std::size_t new_buffer(const TensorType& type, std::int64_t first, std::int64_t last);
  void extend(std::size_t buffer, std::int64_t time);
  void mark_gradients();
  void plan_forward();
  void find_signed_changes();
  [[nodiscard]] std::vector<int> count_contributions() const;
  void plan_backward(bool repeatedly);
  void plan_backward_inputs(std::size_t n, const std::vector<int>& contributions);
  [[nodiscard]] bool may_overwrite_cotangent(std::size_t n) const;
  void extend_reads(std::size_t n, std::int64_t time);
  void plan_corrections(std::size_t n, std::int64_t time);
  void plan_pads(std::int64_t slots);

  const Graph& graph_;
  const PlanRequest& request_;
  kernels::DType real_;
  bool multipliers_;
  std::vector<Lifetime> lifetimes_;
  std::vector<std::size_t> pads_;
  std::vector<std::size_t> value_buffers_, gradient_buffers_;
  std::vector<bool> shared_;  // by buffer: gradients of several values lie there, or the caller's
  std::vector<std::vector<std::size_t>> saved_buffers_;
  std::vector<BackwardBuffers> backward_;
  std::vector<SignedChangesBuffers> signed_changes_;
  std::vector<bool> moves_;         // differs from the reference
  std::vector<bool> has_gradient_;  // lies between a wanted gradient and a seed
};

}  // namespace mho::engine
