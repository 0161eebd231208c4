// Invariant: what a page keeps of a layer are the result's own numbers, and it keeps no more than there is room for.
#include "report/layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "report/base64.h"
#include "report/results.h"

namespace mho::report {
namespace {

TEST(Layers, SumsAreTheResultsOwn) {
  const LayerResult one = layer("conv", {3, 2, 4, 5}, -7.3, 0.13);
  const View seen = view(one, {1, 3}, false);
  const Sums sum = sums(seen);
  ASSERT_EQ(sum.positive.size(), 2U);
  for (std::size_t example = 0; example < 2; ++example) {
    const auto values = one.values.as<double>().subspan((example + 1) * 40, 40);
    EXPECT_NEAR(sum.positive[example] + sum.negative[example], std::accumulate(values.begin(), values.end(), 0.0),
                1e-12);
    EXPECT_LE(sum.negative[example], 0);
    EXPECT_GE(sum.positive[example], 0);
  }
}

TEST(Layers, ChannelsAndPositionsAddUpToTheNeurons) {
  const View seen = view(layer("conv", {2, 3, 2, 2}), {0, 2}, false);
  EXPECT_EQ(seen.channels, 3U);
  EXPECT_EQ(seen.positions, 4U);
  const Kept all = keep(seen, {});
  const Kept kept = keep(seen, {Detail::kChannels, 0});
  ASSERT_EQ(all.values.size(), 24U);
  ASSERT_EQ(kept.values.size(), 6U);
  ASSERT_EQ(kept.positions.size(), 8U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_FLOAT_EQ(kept.values[i], std::accumulate(all.values.begin() + static_cast<std::ptrdiff_t>(4 * i),
                                                    all.values.begin() + static_cast<std::ptrdiff_t>(4 * i + 4), 0.0F));
  }
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t start = i / 4 * 12 + i % 4;
    EXPECT_FLOAT_EQ(kept.positions[i], all.values[start] + all.values[start + 4] + all.values[start + 8]);
  }
}

TEST(Layers, ConductanceSplitByInputIsSummedOverInputs) {
  const View seen = view(layer("fc", {2, 3, 5}, 0, 1), {0, 2}, true);
  EXPECT_EQ(seen.shape, Shape{3});
  EXPECT_EQ(seen.values[0], 0 + 1 + 2 + 3 + 4);
  EXPECT_EQ(seen.values[5], 25 + 26 + 27 + 28 + 29);
}

TEST(Layers, TheLargestAreKeptInOrderAndNanComesLast) {
  LayerResult one = layer("fc", {1, 5});
  const std::vector<double> values = {0.5, -3, std::nan(""), 2, 0.25};
  std::ranges::copy(values, one.values.as<double>().begin());
  const Kept kept = keep(view(one, {0, 1}, false), {Detail::kTop, 3});
  EXPECT_EQ(kept.index, (std::vector<std::int64_t>{1, 3, 0}));
  EXPECT_EQ(kept.values, (std::vector<float>{-3, 2, 0.5}));
}

TEST(Layers, ScalarAndEmptyLayersAreViewsToo) {
  EXPECT_EQ(view(layer("sum", {2}), {0, 2}, false).neurons(), 1U);
  const View none = view(layer("none", {2, 0}), {0, 2}, false);
  EXPECT_EQ(none.neurons(), 0U);
  EXPECT_TRUE(sums(none).positive.empty());
  EXPECT_TRUE(keep(none, {}).values.empty());
}

TEST(Plans, CostIsWhatIsWritten) {
  const View seen = view(layer("conv", {3, 7, 2, 5}), {0, 3}, false);
  for (const Plan& plan : {Plan{}, Plan{Detail::kChannels, 0}, Plan{Detail::kTop, 4}}) {
    const Kept kept = keep(seen, plan);
    const std::size_t written = base64_size(kept.values.size() * 4) + base64_size(kept.positions.size() * 4);
    EXPECT_EQ(cost({seen.channels, seen.positions}, plan, 3), written);
  }
}

TEST(Plans, TheLargestLayersGiveWayFirst) {
  const std::vector<Extents> layers = {{64, 56 * 56}, {512, 49}, {1000, 1}};
  const auto total = [&](const std::vector<Plan>& plans) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) sum += cost(layers[i], plans[i], 10);
    return sum;
  };
  const std::vector<Plan> all = plan_layers(layers, 10, std::size_t{1} << 30);
  for (const Plan& plan : all) EXPECT_EQ(plan.detail, Detail::kNeurons);
  const std::vector<Plan> some = plan_layers(layers, 10, std::size_t{4} << 20);
  EXPECT_EQ(some[0].detail, Detail::kChannels);
  EXPECT_EQ(some[1].detail, Detail::kNeurons);
  for (std::size_t budget = total(all); budget > 6000; budget = budget * 3 / 4) {
    EXPECT_LE(total(plan_layers(layers, 10, budget)), budget);
  }
  EXPECT_THROW(static_cast<void>(plan_layers(layers, 10, 100)), Error);
}

}  // namespace
}  // namespace mho::report
