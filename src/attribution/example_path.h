// The straight path of one example from its baseline to its input.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "attribution/owned_tensor.h"
#include "attribution/target.h"

namespace mho::attribution {

/// What is fed to the plan at one end of paths, which may share it.
using PathEnd = std::shared_ptr<const std::vector<OwnedTensor>>;

/// In what is fed to the plan.
struct ExamplePath {
  std::int64_t example = 0;
  PathEnd from;                       ///< per feed, at x'
  PathEnd to;                         ///< per feed, at x
  std::optional<TargetTerms> target;  ///< known once x was evaluated
  double grading = kUniform;          ///< rho of alpha()

  static constexpr double kUniform = std::numeric_limits<double>::infinity();
  /// Point k of `count` + 1 from 0 to 1, at rho ((1 + 1/rho)^(k / count) - 1): closest together near x', where they
  /// grow as alpha + rho does. Equally spaced for kUniform.
  [[nodiscard]] double alpha(std::int64_t k, std::int64_t count) const;
};

/// What an ExamplePath is made of.
struct PathEnds {
  std::int64_t example = 0, reference = 0;
  PathEnd from, to;
  double grading = ExamplePath::kUniform;
};

/// One point of one path.
struct PathPoint {
  ExamplePath* path = nullptr;
  double alpha = 1;
};

/// How large the first affine values are at x', and how far they move.
class Reach {
 public:
  /// Stored elements of one of them, in any layout: padding is 0.
  void add(const kernels::Tensor& from, const kernels::Tensor& to);
  /// rho for points as close together as nonlinearities bend.
  [[nodiscard]] double grading() const;

 private:
  double at_baseline_ = 0;
  double difference_ = 0;
};

}  // namespace mho::attribution
