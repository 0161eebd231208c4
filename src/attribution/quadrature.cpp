// Where a path is visited, and with which weights: the rules of MATHS.md section 2.
#include "attribution/quadrature.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <cmath>
#include <numbers>

namespace mho::attribution {

namespace {

constexpr std::int64_t kMostSteps = 100'000;

/// y at the ends of every cell, the gradient at one point inside; `points` and `weights` ascend.
std::vector<PathNode> cells(const std::vector<double>& points, const std::vector<double>& weights) {
  std::vector<PathNode> nodes{{1, 0, true, false}};
  double end = 1;
  for (std::size_t i = points.size(); i-- > 0;) {
    nodes.push_back({points[i], weights[i], false, true});
    end -= weights[i];
    nodes.push_back({i == 0 ? 0 : end, 0, true, false});
  }
  return nodes;
}

}  // namespace

GaussLegendre gauss_legendre(std::int64_t count) {
  const auto n = static_cast<double>(count);
  GaussLegendre rule;
  for (std::int64_t i = 0; i < count; ++i) {
    // Tricomi's first guess; the roots ascend with i.
    double t = -std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    double slope = 1;
    for (int round = 0; round < 100; ++round) {
      double value = 1;
      double before = 0;
      for (std::int64_t k = 1; k <= count; ++k) {  // (k) P_k = (2k-1) t P_{k-1} - (k-1) P_{k-2}
        const auto m = static_cast<double>(k);
        const double next = ((2 * m - 1) * t * value - (m - 1) * before) / m;
        before = value;
        value = next;
      }
      slope = n * (t * value - before) / (t * t - 1);
      const double step = value / slope;
      t -= step;
      if (std::abs(step) < 1e-16) break;
    }
    rule.nodes.push_back(0.5 * (1 + t));
    rule.weights.push_back(1 / ((1 - t * t) * slope * slope));
  }
  return rule;
}

EndWeights end_weights(Quadrature rule) {
  switch (rule) {
    case Quadrature::kLeft:
      return {1, 0};
    case Quadrature::kRight:
      return {0, 1};
    default:
      return {0.5, 0.5};
  }
}

std::vector<PathNode> path_nodes(Quadrature rule, std::int64_t steps) {
  if (steps < 1 || steps > kMostSteps) {
    throw Error(Code::kInvalidArgument,
                fmt::format("the number of steps is {}; it must be between 1 and {}", steps, kMostSteps));
  }
  const auto count = static_cast<std::size_t>(steps);
  const double h = 1 / static_cast<double>(steps);
  if (rule == Quadrature::kMidpoint) {
    std::vector<double> points;
    for (std::size_t i = 0; i < count; ++i) points.push_back((static_cast<double>(i) + 0.5) * h);
    return cells(points, std::vector<double>(count, h));
  }
  if (rule == Quadrature::kGaussLegendre) {
    const GaussLegendre gauss = gauss_legendre(steps);
    return cells(gauss.nodes, gauss.weights);
  }
  const EndWeights ends = end_weights(rule);
  std::vector<PathNode> nodes;
  nodes.reserve(static_cast<std::size_t>(steps) + 1);
  for (std::size_t i = count + 1; i-- > 0;) {
    const double weight = (i == count ? 0 : ends.low * h) + (i == 0 ? 0 : ends.high * h);
    nodes.push_back({static_cast<double>(i) / static_cast<double>(steps), weight, true, true});
  }
  return nodes;
}

}  // namespace mho::attribution
