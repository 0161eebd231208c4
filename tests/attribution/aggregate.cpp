// Aggregation is that of the full result: over positions into channels, over the examples of any batches in any order.
#include <gtest/gtest.h>
#include <mho/aggregate.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>

#include "support/golden.h"
#include "support/random_network.h"

namespace mho {
namespace {

class Positions : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Networks, Positions, ::testing::Values("plain_cnn", "branches", "conv1d", "smooth_mlp"));

TEST_P(Positions, AreAggregatedIntoChannels) {
  const testing::GoldenNetwork golden = testing::load_golden(GetParam());
  const Model model = Model::load(golden.model);
  for (const Method method : {Method::kNig, Method::kGradCam, Method::kActivation}) {
    Request request = golden.request(method);
    request.layers = {"*"};
    if (method == Method::kGradCam && golden.name == "smooth_mlp") continue;
    const Result full = attribute(model, golden.group("input"), request);
    for (const PositionAggregate how : {PositionAggregate::kSum, PositionAggregate::kAbsSum, PositionAggregate::kMax}) {
      request.aggregate_positions = how;
      const Result result = attribute(model, golden.group("input"), request);
      EXPECT_EQ(result.metadata.at("positions"), to_string(how));
      for (std::size_t l = 0; l < full.layers.size(); ++l) {
        const Array& all = full.layers[l].values;
        const Array& values = result.layers[l].values;
        ASSERT_EQ(values.shape(), Shape({all.shape()[0], all.shape()[1]}));
        EXPECT_EQ(result.layers[l].residual, full.layers[l].residual);
        const std::int64_t positions = all.size() / values.size();
        const bool magnitudes = how == PositionAggregate::kAbsSum && positions > 1;
        for (std::int64_t c = 0; c < values.size(); ++c) {
          double sum = 0, most = all.at(c * positions);
          for (std::int64_t p = c * positions; p < (c + 1) * positions; ++p) {
            sum += magnitudes ? std::abs(all.at(p)) : all.at(p);
            most = std::max(most, all.at(p));
          }
          const double expected = how == PositionAggregate::kMax ? most : sum;
          // A layer [channels, 1, 1] has positions, one each; a layer [neurons] has none.
          const bool one = positions == 1 && all.shape().size() > 2 && how == PositionAggregate::kAbsSum;
          EXPECT_NEAR(values.at(c), one ? std::abs(expected) : expected, 1e-12 * (1 + std::abs(expected)));
        }
      }
    }
  }
}

TEST(PositionsRequests, ValuesSplitByInputAreRefused) {
  const testing::GoldenNetwork golden = testing::load_golden("plain_cnn");
  Request request = golden.request(Method::kConductance);
  request.split_by_input = true;
  request.aggregate_positions = PositionAggregate::kSum;
  EXPECT_THROW(static_cast<void>(attribute(Model::load(golden.model), golden.group("input"), request)), Error);
}

/// A result with `examples` examples of two layers, and targets 0 to 2.
Result random_result(std::int64_t examples, unsigned seed) {
  Result result;
  for (const Shape& shape : {Shape{3, 4}, Shape{5}}) {
    LayerResult layer;
    layer.name = "layer" + std::to_string(shape.size());
    layer.values = testing::random_inputs(shape, examples, seed).to(DType::f64);
    result.layers.push_back(std::move(layer));
  }
  for (std::int64_t n = 0; n < examples; ++n) {
    result.f_input.push_back(0);
    result.target.push_back((n + seed) % 3);
  }
  return result;
}

/// Examples at which `keep`, one after the other.
Result chosen(const Result& all, const std::vector<std::size_t>& examples) {
  Result part;
  for (const LayerResult& layer : all.layers) {
    LayerResult own;
    own.name = layer.name;
    Shape shape = layer.values.shape();
    const auto size = static_cast<std::size_t>(layer.values.size() / shape[0]);
    shape[0] = static_cast<std::int64_t>(examples.size());
    std::vector<double> values;
    for (const std::size_t n : examples) {
      for (std::size_t i = n * size; i < (n + 1) * size; ++i) {
        values.push_back(layer.values.at(static_cast<std::int64_t>(i)));
      }
    }
    own.values = Array(shape, values);
    part.layers.push_back(std::move(own));
  }
  for (const std::size_t n : examples) {
    part.f_input.push_back(all.f_input[n]);
    part.target.push_back(all.target[n]);
  }
  return part;
}

void expect_means(const ExampleMeans& means, const Result& of) {
  const auto examples = static_cast<std::int64_t>(of.f_input.size());
  ASSERT_EQ(means.examples, examples);
  ASSERT_EQ(means.layers.size(), of.layers.size());
  for (std::size_t l = 0; l < of.layers.size(); ++l) {
    const Array& values = of.layers[l].values;
    EXPECT_EQ(means.layers[l].name, of.layers[l].name);
    Shape shape = values.shape();
    shape.erase(shape.begin());
    ASSERT_EQ(means.layers[l].mean.shape(), shape);
    const std::int64_t size = values.size() / examples;
    for (std::int64_t i = 0; i < size; ++i) {
      double sum = 0, magnitudes = 0;
      for (std::int64_t n = 0; n < examples; ++n) {
        sum += values.at(n * size + i);
        magnitudes += std::abs(values.at(n * size + i));
      }
      EXPECT_NEAR(means.layers[l].mean.at(i), sum / static_cast<double>(examples), 1e-12);
      EXPECT_NEAR(means.layers[l].mean_magnitude.at(i), magnitudes / static_cast<double>(examples), 1e-12);
    }
  }
}

TEST(Aggregates, AreThoseOfTheFullResultForAnyBatchesInAnyOrder) {
  const Result all = random_result(40, 1);
  std::mt19937 random(5);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::size_t> order(40);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::shuffle(order, random);
    Aggregate aggregate(true);
    for (std::size_t first = 0; first < order.size();) {
      const std::size_t last = std::min(order.size(), first + 1 + random() % 9);
      aggregate.add(chosen(all, {order.begin() + static_cast<std::ptrdiff_t>(first),
                                 order.begin() + static_cast<std::ptrdiff_t>(last)}));
      first = last;
    }
    const DatasetMeans means = aggregate.result();
    expect_means(means.all, all);
    ASSERT_EQ(means.classes.size(), 3U);
    for (const auto& [target, own] : means.classes) {
      std::vector<std::size_t> examples;
      for (std::size_t n = 0; n < 40; ++n) {
        if (all.target[n] == target) examples.push_back(n);
      }
      expect_means(own, chosen(all, examples));
    }
  }
}

TEST(Aggregates, OfNothingAreEmptyAndOfOtherLayersRefused) {
  Aggregate aggregate;
  EXPECT_EQ(aggregate.result().all.examples, 0);
  EXPECT_TRUE(aggregate.result().all.layers.empty());
  const Result first = random_result(2, 1);
  aggregate.add(first);
  Result other = random_result(2, 2);
  other.layers[1].name = "another";
  EXPECT_THROW(aggregate.add(other), Error);
  other.layers.pop_back();
  EXPECT_THROW(aggregate.add(other), Error);
  EXPECT_EQ(aggregate.result().all.examples, 2);
  EXPECT_TRUE(aggregate.result().classes.empty());
  expect_means(aggregate.result().all, first);
}

}  // namespace
}  // namespace mho
