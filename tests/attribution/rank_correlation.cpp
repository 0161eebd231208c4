// Rank correlations, orders, areas and intervals, held against hand-worked cases and against counting all pairs.
#include "attribution/rank_correlation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "attribution/bootstrap.h"
#include "attribution/layer_evaluation.h"

namespace mho::attribution {
namespace {

using Values = std::vector<double>;

TEST(RankCorrelation, EqualValuesShareTheMeanOfTheirRanks) {
  EXPECT_EQ(average_ranks(Values{30, 10, 20, 10, 10}), (Values{5, 2, 4, 2, 2}));
  EXPECT_EQ(average_ranks(Values{}), Values{});
}

TEST(RankCorrelation, OfAnOrderWithItselfIsOneAndWithItsReverseMinusOne) {
  const Values a = {3, -1, 4, 1.5, -9};
  Values b = a;
  for (double& v : b) v = -v;
  EXPECT_DOUBLE_EQ(spearman(a, a), 1);
  EXPECT_DOUBLE_EQ(kendall(a, a), 1);
  EXPECT_DOUBLE_EQ(spearman(a, b), -1);
  EXPECT_DOUBLE_EQ(kendall(a, b), -1);
}

// Ranks 1 2 3 4 5 against 2 1 4 3 5: rho = 1 - 6 * 4 / (5 * 24) = 0.8, tau = (8 - 2) / 10 = 0.6.
TEST(RankCorrelation, HandWorkedWithoutTies) {
  EXPECT_DOUBLE_EQ(spearman(Values{1, 2, 3, 4, 5}, Values{20, 10, 40, 30, 50}), 0.8);
  EXPECT_DOUBLE_EQ(kendall(Values{1, 2, 3, 4, 5}, Values{20, 10, 40, 30, 50}), 0.6);
}

// Ranks 1 2.5 2.5 4 against 1.5 1.5 3.5 3.5: deviations -1.5 0 0 1.5 and -1 -1 1 1, so rho = 3 / sqrt(4.5 * 4).
// Pairs: (1,3) (1,4) (2,4) are concordant, none discordant, one tied in a alone, two in b alone: tau-b = 3 / sqrt(5 *
// 4).
TEST(RankCorrelation, HandWorkedWithTies) {
  const Values a = {1, 2, 2, 3};
  const Values b = {7, 7, 9, 9};
  EXPECT_DOUBLE_EQ(spearman(a, b), 3 / std::sqrt(4.5 * 4));
  EXPECT_DOUBLE_EQ(kendall(a, b), 3 / std::sqrt(5.0 * 4.0));
}

TEST(RankCorrelation, ThereIsNoneWhereOneSideIsConstant) {
  EXPECT_TRUE(std::isnan(spearman(Values{1, 1, 1}, Values{1, 2, 3})));
  EXPECT_TRUE(std::isnan(kendall(Values{1, 2, 3}, Values{0, 0, 0})));
  EXPECT_TRUE(std::isnan(kendall(Values{1}, Values{1})));
}

TEST(RankCorrelation, KendallAgreesWithCountingAllPairs) {
  std::mt19937 random(4);
  for (int trial = 0; trial < 200; ++trial) {
    const int count = std::uniform_int_distribution<int>(2, 40)(random);
    const int distinct = std::uniform_int_distribution<int>(2, 50)(random);
    Values a, b;
    for (int i = 0; i < count; ++i) {
      a.push_back(std::uniform_int_distribution<int>(0, distinct)(random));
      b.push_back(std::uniform_int_distribution<int>(0, distinct)(random));
    }
    double score = 0, in_a = 0, in_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = i + 1; j < a.size(); ++j) {
        const double x = a[i] - a[j], y = b[i] - b[j];
        score += x * y > 0 ? 1 : x * y < 0 ? -1 : 0;
        in_a += x != 0 ? 1 : 0;
        in_b += y != 0 ? 1 : 0;
      }
    }
    if (in_a * in_b > 0) {
      EXPECT_NEAR(kendall(a, b), score / std::sqrt(in_a * in_b), 1e-14);
    } else {
      EXPECT_TRUE(std::isnan(kendall(a, b)));
    }
  }
}

TEST(RankCorrelation, OrdersPutTheLargestFirstAndOfEqualOnesTheFirst) {
  EXPECT_EQ(descending(Values{0, 5, -1, 5, 0}), (std::vector<std::int64_t>{1, 3, 0, 4, 2}));
}

TEST(RankCorrelation, OverlapIsThePartOfTheFirstThatBothHave) {
  const std::vector<std::int64_t> a = {4, 2, 0, 1, 3}, b = {2, 3, 4, 0, 1};
  EXPECT_EQ(overlap(a, b, 1), 0);
  EXPECT_EQ(overlap(a, b, 2), 0.5);
  EXPECT_DOUBLE_EQ(overlap(a, b, 3), 2.0 / 3);
  EXPECT_EQ(overlap(a, b, 100), 1);
}

TEST(Curves, PointsRunFromNoneToAll) {
  EXPECT_EQ(curve_points(3, 50), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(curve_points(10, 4), (std::vector<std::int64_t>{0, 3, 5, 8, 10}));
  for (const std::int64_t units : {51, 100, 1024, 99'991}) {
    const auto points = curve_points(units, 50);
    EXPECT_EQ(points.size(), 51U);
    EXPECT_EQ(points.front(), 0);
    EXPECT_EQ(points.back(), units);
    EXPECT_TRUE(std::ranges::is_sorted(points));
  }
}

TEST(Curves, AreasAreTrapezoidsOverThePartOfTheUnits) {
  EXPECT_EQ(area({0, 1, 2, 3}, {5, 5, 5, 5}), 5);
  EXPECT_DOUBLE_EQ(area({0, 1, 2}, {1, 0.5, 0}), 0.5);
  EXPECT_DOUBLE_EQ(area({0, 1, 4}, {1, 0, 0}), 0.125);  // uneven steps: 1 * 1/2 of 4
}

TEST(Bootstrap, QuantilesAreLinearBetweenNeighbours) {
  EXPECT_EQ(quantile(Values{1, 2, 4}, 0.5), 2);
  EXPECT_EQ(quantile(Values{1, 2, 4}, 0.75), 3);
  EXPECT_EQ(quantile(Values{1, 2, 4}, 1), 4);
}

EvaluationRequest resampling(Statistic statistic = Statistic::kMean) {
  EvaluationRequest request;
  request.statistic = statistic;
  return request;
}

Values normals(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(3, 2);
  Values values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(normal(random));
  return values;
}

// The interval of a mean is close to that of the normal distribution: mean -+ 1.96 sigma / sqrt(n).
TEST(Bootstrap, IntervalsContainTheStatisticAndShrinkWithTheSquareRootOfN) {
  for (const Statistic statistic : {Statistic::kMean, Statistic::kMedian}) {
    double before = 0;
    for (const std::size_t count : {20U, 80U, 320U, 1280U}) {
      const Score score = Bootstrap(count, resampling(statistic)).score(normals(count, 8));
      EXPECT_LE(score.low, score.value);
      EXPECT_GE(score.high, score.value);
      EXPECT_LT(score.low, 3);
      EXPECT_GT(score.high, 3);
      const double width = score.high - score.low;
      if (before > 0) {
        EXPECT_LT(width, 0.75 * before) << count;
      }
      if (statistic == Statistic::kMean && count >= 80) {
        EXPECT_NEAR(width, 2 * 1.96 * 2 / std::sqrt(static_cast<double>(count)), 0.25 * width);
      }
      before = width;
    }
  }
}

TEST(Bootstrap, IsTheSameForTheSameSeedAndLeavesOutWhatIsUndefined) {
  EvaluationRequest request = resampling();
  Values values = normals(30, 2);
  const Score once = Bootstrap(30, request).score(values);
  const Score again = Bootstrap(30, request).score(values);
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.high, again.high);
  request.seed = 1;
  EXPECT_NE(Bootstrap(30, request).score(values).low, once.low);
  values[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isfinite(Bootstrap(30, request).score(values).value));
  const Score one = Bootstrap(1, request).score({2.5});
  EXPECT_EQ(one.value, 2.5);
  EXPECT_TRUE(std::isnan(one.low));
}

}  // namespace
}  // namespace mho::attribution
