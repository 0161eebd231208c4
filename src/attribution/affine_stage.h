// From what is fed to a Plan to the first values that something not affine reads: how far these move along a path says
// where its points belong (ExamplePath::alpha).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "attribution/example_path.h"
#include "attribution/setup.h"
#include "engine/plan.h"

namespace mho::attribution {

/// How many ends of paths are led through a Plan at once, where they may be several and `values` of one take memory: a
/// product with one row takes as long as one with many. `one_baseline`: all paths share x'.
[[nodiscard]] std::int64_t ends_at_once(const Setup& setup, std::span<const graph::ValueId> values, bool one_baseline,
                                        std::int64_t most_bytes);

class AffineStage {
 public:
  /// `values` lie behind `fed`, at some distance.
  AffineStage(const Setup& setup, const std::vector<graph::ValueId>& fed, const std::vector<graph::ValueId>& values,
              bool one_baseline, const engine::PlanOptions& options);

  /// How many paths are best graded together.
  [[nodiscard]] std::int64_t paths_at_once() const { return paths_at_once_; }
  /// Sets the grading of all.
  void grade(std::span<PathEnds> paths) const;

 private:
  [[nodiscard]] std::vector<std::vector<OwnedTensor>> run(std::span<const PathEnd> ends) const;

  const Setup* setup_;
  std::int64_t batch_ = 1, paths_at_once_ = 1;
  std::size_t feed_count_, value_count_;
  std::shared_ptr<engine::Plan> plan_;
};

}  // namespace mho::attribution
