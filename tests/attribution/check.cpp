// check() finds nothing where the theory holds, and exactly the operator at which it is broken.
#include <gtest/gtest.h>
#include <mho/check.h>

#include <cmath>
#include <random>

#include "support/golden.h"
#include "support/random_operators.h"

namespace mho {
namespace {

class Checks : public ::testing::TestWithParam<std::string> {
 protected:
  testing::GoldenNetwork golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model);
  Inputs inputs = golden.group("input");
  Request request = golden.request(Method::kNig);
};

INSTANTIATE_TEST_SUITE_P(Networks, Checks, ::testing::ValuesIn(testing::golden_names()));

TEST_P(Checks, NothingIsFoundUnderTheExactRules) {
  for (const DeepLiftRule rule : {DeepLiftRule::kRescale, DeepLiftRule::kRevealCancel}) {
    request.rules = {{"*", rule}};
    const Check result = check(model, inputs, request);
    EXPECT_TRUE(result.nodes.empty()) << result.nodes.front().node;
    EXPECT_LE(result.target_rounding, 1e-5);
    ASSERT_FALSE(result.cuts.empty());
    for (const CutCheck& cut : result.cuts) {
      EXPECT_LE(cut.deeplift_double, 1e-12) << cut.name;
      EXPECT_LE(cut.deeplift, 1e-5) << cut.name;
      EXPECT_LE(cut.deeplift_rounding, 2e-5) << cut.name;
      EXPECT_LE(cut.nig, 2 * cut.nig_estimate + 1e-5) << cut.name;
    }
    EXPECT_FALSE(result.spans.empty());
    EXPECT_TRUE(std::ranges::is_sorted(result.spans, std::greater<>{}, &SpanCheck::change));
  }
}

// One ReLU with the gradient rule: it alone is named, and what it loses is what the cuts before it miss.
TEST(Check, NamesTheOperatorThatLosesContributions) {
  const testing::GoldenNetwork golden = testing::load_golden("deeplift_cnn");
  const Inputs inputs = golden.group("input");
  Request request = golden.request(Method::kNig);
  for (const std::string culprit : {"t1", "t4", "t7"}) {
    request.rules = {{culprit, DeepLiftRule::kGradient}};
    const Check result = check(Model::load(golden.model), inputs, request);
    ASSERT_EQ(result.nodes.size(), 1U) << culprit;
    EXPECT_EQ(result.nodes[0].node, culprit);
    EXPECT_EQ(result.nodes[0].op, culprit == "t4" ? "Tanh" : "Relu");
    bool before = true;
    for (const CutCheck& cut : result.cuts) {
      if (cut.name == culprit) before = false;
      // The scales differ (magnitudes there, F here), so only what is lost and what is not can be told.
      if (before) {
        EXPECT_GT(cut.deeplift_double, 1e-6) << cut.name;
      } else {
        EXPECT_LE(cut.deeplift_double, 1e-12) << cut.name;
      }
    }
  }
}

TEST(Check, NothingIsFoundInRandomNetworks) {
  for (unsigned seed = 5000; seed < 5100; ++seed) {
    const testing::OperatorNetwork network = testing::OperatorNetworkMaker(seed).make();
    const Model model =
        Model::parse(std::as_bytes(std::span(network.bytes)), {}, {.precision = Precision::kSingle, .threads = 1});
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    Inputs inputs;
    for (const std::string& name : network.inputs) {
      std::vector<float> values(testing::OperatorNetworkMaker::kWidth);
      for (float& v : values) v = normal(random);
      inputs.emplace(name, Array({1, testing::OperatorNetworkMaker::kWidth}, values));
    }
    Request request;
    request.target = IndexTarget{{{0}}};
    request.max_steps = 16;
    try {
      const Check result = check(model, inputs, request);
      EXPECT_TRUE(result.nodes.empty()) << "seed " << seed << ": " << result.nodes.front().op;
    } catch (const Error& error) {
      // NIG's gradient may be infinite somewhere on its path (a norm of zeros).
      EXPECT_EQ(error.code(), Code::kNumeric) << "seed " << seed << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace mho
