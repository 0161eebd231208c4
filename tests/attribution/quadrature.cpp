// Nodes and weights: they cover [0, 1], start at x, end at x', and Gauss-Legendre is exact to degree 2n - 1.
#include "attribution/quadrature.h"

#include <gtest/gtest.h>
#include <mho/error.h>

#include <cmath>

namespace mho::attribution {
namespace {

TEST(Quadrature, EveryRuleWalksFromTheInputToTheBaselineWithWeightOne) {
  for (const Quadrature rule : {Quadrature::kAdaptive, Quadrature::kLeft, Quadrature::kRight, Quadrature::kTrapezoid,
                                Quadrature::kMidpoint, Quadrature::kGaussLegendre}) {
    for (const std::int64_t steps : {1, 2, 7, 32}) {
      const auto nodes = path_nodes(rule, steps);
      EXPECT_EQ(nodes.front().alpha, 1);
      EXPECT_EQ(nodes.back().alpha, 0);
      double weight = 0;
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        weight += nodes[i].weight;
        EXPECT_TRUE(i == 0 || nodes[i].alpha < nodes[i - 1].alpha);
      }
      EXPECT_NEAR(weight, 1, 1e-14);
    }
  }
}

TEST(Quadrature, GaussLegendreIntegratesPolynomialsExactly) {
  for (const std::int64_t count : {1, 2, 3, 10, 64}) {
    const GaussLegendre rule = gauss_legendre(count);
    for (std::int64_t degree = 0; degree < 2 * count; ++degree) {
      double sum = 0;
      for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
        sum += rule.weights[i] * std::pow(rule.nodes[i], static_cast<double>(degree));
      }
      EXPECT_NEAR(sum, 1 / static_cast<double>(degree + 1), 1e-14) << count << " nodes, degree " << degree;
    }
  }
}

TEST(Quadrature, AbsurdStepsAreRefused) {
  for (const std::int64_t steps : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 40}) {
    EXPECT_THROW(static_cast<void>(path_nodes(Quadrature::kTrapezoid, steps)), Error);
  }
}

}  // namespace
}  // namespace mho::attribution
