// F with parts of a layer replaced and everything behind it run again: what ablation and its curves are made of.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <vector>

#include "attribution/ends.h"
#include "attribution/setup.h"
#include "attribution/units.h"
#include "engine/plan.h"

namespace mho::attribution {

/// Of one layer. A Plan begins at the layer's tensor and at what bypasses it; several edits of any examples are its
/// micro-batch, in lanes where networks are small. What lies before the layer runs once per example, at x.
class Intervention {
 public:
  /// An example with these units replaced.
  struct Edit {
    std::int64_t example = 0;
    std::span<const std::int64_t> units;
  };

  /// `setup`, `ends` and `units` must outlive this. `most`: how many edits evaluate() will have at once, at most.
  Intervention(const Setup& setup, const Ends& ends, std::size_t layer, const Units& units, std::int64_t most,
               bool optimize);

  [[nodiscard]] std::int64_t capacity() const { return batch_ * static_cast<std::int64_t>(lanes_.size()); }
  /// F of each edit, at most capacity() of them. Throws Error(kNumeric) where one is NaN or infinite.
  [[nodiscard]] std::vector<double> evaluate(std::span<const Edit> edits);
  /// Whether the unit is what it would be replaced by: then replacing it changes nothing.
  [[nodiscard]] bool is_unchanged(std::int64_t example, std::int64_t unit);

 private:
  struct Lane {
    std::shared_ptr<engine::Plan> plan;
    std::shared_ptr<kernels::Device> device;
  };
  /// What the plan is fed for one example at x.
  struct State {
    std::int64_t example = -1;
    std::vector<OwnedTensor> feeds;
  };
  void choose_feeds();
  [[nodiscard]] State& state(std::int64_t example);
  [[nodiscard]] kernels::Tensor replacement(std::int64_t example);
  void feed(Lane& lane, std::span<const Edit> edits, std::span<State* const> states);
  [[nodiscard]] double read(const Lane& lane, std::int64_t slot, std::int64_t example) const;
  [[noreturn]] void refuse(const Edit& edit);

  const Setup* setup_;
  const Ends* ends_;
  std::size_t layer_;
  const Units* units_;
  std::int64_t batch_ = 1;               ///< slots of a lane
  std::vector<graph::ValueId> feeds_;    ///< the layer first
  std::shared_ptr<engine::Plan> ahead_;  ///< from the inputs to the feeds, one example
  std::vector<std::string> inputs_;
  std::vector<Lane> lanes_;
  std::list<State> states_;  ///< of the last examples, the very last in front
  std::vector<OwnedTensor> replacements_;
};

}  // namespace mho::attribution
