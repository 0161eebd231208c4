// Where a path is visited, and with which weights: the rules of MATHS.md section 2.
#pragma once

#include <mho/attribution.h>

#include <vector>

namespace mho::attribution {

/// One visit. `weight` is the node's share of the measure of [0, 1] (0 where only y is read).
struct PathNode {
  double alpha = 0;
  double weight = 0;
  bool reads_y = true;
  bool reads_gradient = true;
};

/// The nodes of a rule with `steps` segments from alpha = 1 down to 0: x is visited first, because it decides which
/// output element the target is. Rules whose gradients lie at the segments' ends read both at every node; midpoint
/// and Gauss-Legendre alternate between ends of cells (y) and the gradient inside the cell. kAdaptive: as trapezoid, in
/// k/steps. Throws Error(kInvalidArgument) unless 1 <= steps <= 100,000.
[[nodiscard]] std::vector<PathNode> path_nodes(Quadrature rule, std::int64_t steps);

/// Weights of the gradients at the ends of a segment, smaller alpha first.
struct EndWeights {
  double low = 0.5;
  double high = 0.5;
};
[[nodiscard]] EndWeights end_weights(Quadrature rule);

/// Nodes in (0, 1), ascending, and weights that sum to 1, by Newton's method on the Legendre polynomial.
struct GaussLegendre {
  std::vector<double> nodes;
  std::vector<double> weights;
};
[[nodiscard]] GaussLegendre gauss_legendre(std::int64_t count);

}  // namespace mho::attribution
