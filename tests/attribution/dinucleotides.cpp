// Shuffles keep ends and pairs of neighbours, reach every arrangement equally often, and serve as references.
#include "attribution/dinucleotides.h"

#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "support/golden.h"

namespace mho::attribution {
namespace {

using Pairs = std::map<std::pair<int, int>, int>;

Pairs pairs_of(const std::vector<int>& sequence) {
  Pairs pairs;
  for (std::size_t i = 0; i + 1 < sequence.size(); ++i) ++pairs[{sequence[i], sequence[i + 1]}];
  return pairs;
}

TEST(Dinucleotides, PairsAndEndsAreKept) {
  std::mt19937 random(1);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::vector<int> sequence(1 + random() % 60);
    const auto letters = 1 + random() % 5;
    for (int& letter : sequence) letter = static_cast<int>(random() % letters);
    const std::vector<int> shuffled = shuffle_dinucleotides(sequence, seed);
    EXPECT_EQ(shuffled.front(), sequence.front());
    EXPECT_EQ(shuffled.back(), sequence.back());
    EXPECT_EQ(pairs_of(shuffled), pairs_of(sequence));
  }
}

TEST(Dinucleotides, EveryArrangementIsEquallyLikely) {
  const std::vector<int> sequence = {0, 1, 0, 2, 1, 1, 0, 2, 2, 0, 1};
  // All arrangements, by trying all orders of what lies between the ends.
  std::vector<int> middle(sequence.begin() + 1, sequence.end() - 1);
  std::ranges::sort(middle);
  std::map<std::vector<int>, int> counts;
  do {
    std::vector<int> candidate = {sequence.front()};
    candidate.insert(candidate.end(), middle.begin(), middle.end());
    candidate.push_back(sequence.back());
    if (pairs_of(candidate) == pairs_of(sequence)) counts[candidate] = 0;
  } while (std::ranges::next_permutation(middle).found);
  ASSERT_GT(counts.size(), 10U);
  constexpr int kDraws = 40000;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const auto it = counts.find(shuffle_dinucleotides(sequence, seed));
    ASSERT_NE(it, counts.end());
    ++it->second;
  }
  const double expected = static_cast<double>(kDraws) / static_cast<double>(counts.size());
  double chi_squared = 0;
  for (const auto& [walk, count] : counts) chi_squared += (count - expected) * (count - expected) / expected;
  // Mean n, deviation sqrt(2 n): five deviations are no accident.
  const auto n = static_cast<double>(counts.size() - 1);
  EXPECT_LE(chi_squared, n + 5 * std::sqrt(2 * n)) << counts.size() << " arrangements";
}

TEST(Dinucleotides, AxesAreFoundByTheValues) {
  const Array channels_first({1, 2, 3}, std::vector<float>{1, 0, 1, 0, 1, 0});
  ASSERT_TRUE(one_hot_axes(channels_first));
  EXPECT_EQ(one_hot_axes(channels_first)->letters, 1U);
  const Array channels_last({1, 3, 2}, std::vector<float>{1, 0, 1, 0, 0, 0});  // the last letter is unknown
  ASSERT_TRUE(one_hot_axes(channels_last));
  EXPECT_EQ(one_hot_axes(channels_last)->letters, 2U);
  EXPECT_FALSE(one_hot_axes(Array({1, 2, 3}, std::vector<float>{1, 0, 0.5, 0, 1, 0})));
  EXPECT_FALSE(one_hot_axes(Array({1, 2, 2}, std::vector<float>{0, 0, 0, 0})));
  EXPECT_FALSE(one_hot_axes(Array({1, 6}, std::vector<float>{1, 0, 0, 0, 0, 0})));
  const Array again = shuffled_one_hot(channels_last, *one_hot_axes(channels_last), 3, 1);
  EXPECT_EQ(again.shape(), channels_last.shape());
}

// As if the user had made the shuffles and averaged over them, example by example.
TEST(Dinucleotides, ServeAsReferencesOfEachExample) {
  for (const Method method : {Method::kDeepLift, Method::kNig}) {
    const testing::GoldenNetwork golden = testing::load_golden("deeplift_genomics");
    const Model model = Model::load(golden.model);
    const Inputs inputs = golden.group("input");
    Request request = golden.request(method);
    request.layers = {"x"};
    request.quadrature = Quadrature::kSecant;
    request.steps = 8;
    request.baseline = DinucleotideShuffles{4, 9};
    const Result all = attribute(model, inputs, request);
    request.micro_batch = 1;
    const Result single = attribute(model, inputs, request);
    const Array& x = inputs.at("x");
    const std::int64_t size = x.size() / x.shape()[0];
    for (std::int64_t n = 0; n < x.shape()[0]; ++n) {
      std::vector<float> own;
      for (std::int64_t i = n * size; i < (n + 1) * size; ++i) own.push_back(static_cast<float>(x.at(i)));
      const Array example({1, 4, 20}, own);
      std::vector<float> references;
      for (std::int64_t k = 0; k < 4; ++k) {
        const Array shuffled = shuffled_one_hot(example, {1, 2}, 9, k);
        for (std::int64_t i = 0; i < size; ++i) references.push_back(static_cast<float>(shuffled.at(i)));
      }
      Request one = request;
      one.target = IndexTarget{{{golden.values.at("target").as<std::int64_t>()[static_cast<std::size_t>(n)]}}};
      one.baseline = ReferenceSet{{{"x", Array({4, 4, 20}, references)}}};
      const Result expected = attribute(model, {{"x", example}}, one);
      for (std::int64_t i = 0; i < size; ++i) {
        EXPECT_NEAR(all.layers[0].values.at(n * size + i), expected.layers[0].values.at(i), 1e-6);
        EXPECT_NEAR(single.layers[0].values.at(n * size + i), expected.layers[0].values.at(i), 1e-6);
      }
      EXPECT_NEAR(all.layers[0].residual.at(static_cast<std::size_t>(n)), 0, 1e-5);
    }
    const testing::GoldenNetwork cnn = testing::load_golden("deeplift_cnn");
    EXPECT_THROW(static_cast<void>(attribute(Model::load(cnn.model), cnn.group("input"), request)), Error);
  }
}

}  // namespace
}  // namespace mho::attribution
