// Invariant: neurons and channels are ranked by the mean over examples of the absolute attribution, largest first.
#include "ranking.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace mho::cli {
namespace {

LayerResult layer(Shape shape, const std::vector<double>& values) {
  LayerResult result;
  result.values = Array(std::move(shape), values);
  return result;
}

TEST(Ranking, ChannelsSumOverPositionsBeforeTheAbsoluteValueIsTaken) {
  // Two examples of 2 channels with 2 positions. Channel 0 cancels within each example, channel 1 does not.
  const LayerResult values = layer({2, 2, 2}, {5, -5, 1, 1, -4, 4, -1, -1});
  const Ranking ranking = rank_layer(values, 2, false);
  ASSERT_EQ(ranking.top_channels.size(), 2U);
  EXPECT_EQ(ranking.top_channels[0].index, (std::vector<std::int64_t>{1}));
  EXPECT_DOUBLE_EQ(ranking.top_channels[0].magnitude, 2);
  EXPECT_DOUBLE_EQ(ranking.top_channels[0].mean, 0);
  EXPECT_DOUBLE_EQ(ranking.top_channels[0].share, 1);
  EXPECT_DOUBLE_EQ(ranking.top_channels[1].magnitude, 0);
}

TEST(Ranking, NeuronsAreNamedByTheirIndexInTheLayer) {
  const LayerResult values = layer({1, 2, 3}, {0, 1, 0, -7, 0, 2});
  const Ranking ranking = rank_layer(values, 2, false);
  EXPECT_EQ(ranking.neurons, 6);
  ASSERT_EQ(ranking.top_neurons.size(), 2U);
  EXPECT_EQ(ranking.top_neurons[0].index, (std::vector<std::int64_t>{1, 0}));
  EXPECT_DOUBLE_EQ(ranking.top_neurons[0].mean, -7);
  EXPECT_DOUBLE_EQ(ranking.top_neurons[0].share, 0.7);
  EXPECT_EQ(ranking.top_neurons[1].index, (std::vector<std::int64_t>{1, 2}));
}

TEST(Ranking, LayersWithoutPositionsHaveNoChannels) {
  EXPECT_TRUE(rank_layer(layer({2, 3}, {1, 2, 3, 4, 5, 6}), 5, false).top_channels.empty());
  EXPECT_TRUE(rank_layer(layer({1, 3, 1, 1}, {1, 2, 3}), 5, false).top_channels.empty());
}

TEST(Ranking, SplitByInputSumsOverTheInputs) {
  const LayerResult values = layer({1, 2, 3}, {1, 1, 1, 5, -5, 1});
  const Ranking ranking = rank_layer(values, 5, true);
  EXPECT_EQ(ranking.neurons, 2);
  ASSERT_EQ(ranking.top_neurons.size(), 2U);
  EXPECT_EQ(ranking.top_neurons[0].index, (std::vector<std::int64_t>{0}));
  EXPECT_DOUBLE_EQ(ranking.top_neurons[0].mean, 3);
  EXPECT_TRUE(ranking.top_channels.empty());
}

TEST(Ranking, EqualMagnitudesKeepTheOrderOfTheLayerAndNaNIsLast) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Ranking ranking = rank_layer(layer({1, 4}, {nan, 1, -1, 1}), 4, false);
  std::vector<std::int64_t> order;
  for (const Ranked& one : ranking.top_neurons) order.push_back(one.index[0]);
  EXPECT_EQ(order, (std::vector<std::int64_t>{1, 2, 3, 0}));
}

TEST(Ranking, AllZeroLayersHaveNoShares) {
  const Ranking ranking = rank_layer(layer({1, 2}, {0, 0}), 1, false);
  EXPECT_DOUBLE_EQ(ranking.top_neurons.at(0).share, 0);
}

RC_GTEST_PROP(Ranking, AreSortedAndSharesOfAllNeuronsSumToOne, ()) {
  const auto examples = *rc::gen::inRange<std::int64_t>(1, 4);
  const auto channels = *rc::gen::inRange<std::int64_t>(1, 5);
  const auto positions = *rc::gen::inRange<std::int64_t>(1, 5);
  const auto size = static_cast<std::size_t>(examples * channels * positions);
  auto values = *rc::gen::container<std::vector<double>>(
      size, rc::gen::map(rc::gen::inRange(-50, 50), [](int v) { return v / 8.0; }));
  values[0] = 1;  // not all zero
  const Ranking ranking = rank_layer(layer({examples, channels, positions}, values), size, false);
  RC_ASSERT(ranking.top_neurons.size() == static_cast<std::size_t>(channels * positions));
  double share = 0;
  for (std::size_t i = 0; i < ranking.top_neurons.size(); ++i) {
    share += ranking.top_neurons[i].share;
    if (i > 0) RC_ASSERT(ranking.top_neurons[i - 1].magnitude >= ranking.top_neurons[i].magnitude);
    RC_ASSERT(std::abs(ranking.top_neurons[i].mean) <= ranking.top_neurons[i].magnitude + 1e-12);
  }
  RC_ASSERT(std::abs(share - 1) < 1e-9);
}

RC_GTEST_PROP(Ranking, UnravelIsTheInverseOfRowMajorOrder, ()) {
  const auto shape = *rc::gen::container<Shape>(3, rc::gen::inRange<std::int64_t>(1, 6));
  const auto flat = *rc::gen::inRange<std::int64_t>(0, shape[0] * shape[1] * shape[2]);
  const auto index = unravel(flat, shape);
  RC_ASSERT((index[0] * shape[1] + index[1]) * shape[2] + index[2] == flat);
}

}  // namespace
}  // namespace mho::cli
