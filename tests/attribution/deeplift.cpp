// DeepLIFT: contributions sum to F(x) - F(x') at every cut of every network, whatever is in it (summation-to-delta).
#include <gtest/gtest.h>
#include <mho/attribution.h>

#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>

#include "support/random_operators.h"
#include "support/sanitized.h"

namespace mho {
namespace {

using testing::OperatorNetwork;
using testing::OperatorNetworkMaker;

constexpr std::int64_t kExamples = 2;

/// Standard normal numbers; one in eight is the other array's, so that differences of zero are met.
Array draw(std::mt19937& random, const Array* other) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(kExamples * OperatorNetworkMaker::kWidth));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = normal(random);
    if (other != nullptr && random() % 8 == 0) values[i] = static_cast<float>(other->at(static_cast<std::int64_t>(i)));
  }
  return {Shape{kExamples, OperatorNetworkMaker::kWidth}, values};
}

struct Worst {
  double error = 0;
  std::string where;
  std::int64_t sums = 0;
  void take(double candidate, const std::string& place) {
    ++sums;
    if (!std::isnan(error) && !(candidate <= error)) {
      error = candidate;
      where = place;
    }
  }
};

/// |sum - dF| relative to the contributions, or to F where they are smaller.
double relative(double residual, double magnitude, const Result& result, std::size_t n) {
  if (residual == 0) return 0;  // where nothing reaches the target
  return std::abs(residual) / std::max({magnitude, std::abs(result.f_input[n]), std::abs(result.f_baseline[n])});
}

void measure(const OperatorNetwork& network, unsigned seed, Precision precision, DeepLiftRule rule, Worst& worst) {
  const Model model = Model::parse(std::as_bytes(std::span(network.bytes)), {}, {.precision = precision, .threads = 1});
  std::mt19937 random(seed);
  Inputs inputs, baseline;
  for (const std::string& name : network.inputs) {
    inputs.emplace(name, draw(random, nullptr));
    baseline.emplace(name, draw(random, &inputs.at(name)));
  }
  Request request;
  request.method = Method::kDeepLift;
  request.rules = {{"*", rule}};
  request.target = IndexTarget{{{static_cast<std::int64_t>(seed % 3)}}};
  if (seed % 3 != 0) request.baseline = baseline;
  const auto place = [&](const std::string& layer) { return "seed " + std::to_string(seed) + ", " + layer; };

  const Result cuts = attribute(model, inputs, request);
  for (const LayerResult& layer : cuts.layers) {
    const std::int64_t size = layer.values.size() / kExamples;
    for (std::size_t n = 0; n < kExamples; ++n) {
      double magnitude = 0;
      for (std::int64_t i = 0; i < size; ++i)
        magnitude += std::abs(layer.values.at(static_cast<std::int64_t>(n) * size + i));
      worst.take(relative(layer.residual.at(n), magnitude, cuts, n), place(layer.name));
    }
  }
  // The inputs form a cut together.
  request.layers = network.inputs;
  const Result ends = attribute(model, inputs, request);
  for (std::size_t n = 0; n < kExamples; ++n) {
    double sum = 0;
    double magnitude = 0;
    for (const LayerResult& layer : ends.layers) {
      for (std::int64_t i = 0; i < OperatorNetworkMaker::kWidth; ++i) {
        const double c = layer.values.at(static_cast<std::int64_t>(n) * OperatorNetworkMaker::kWidth + i);
        sum += c;
        magnitude += std::abs(c);
      }
    }
    worst.take(relative(sum - (ends.f_input[n] - ends.f_baseline[n]), magnitude, ends, n), place("inputs"));
  }
}

constexpr unsigned kNetworks = testing::kSanitized ? 200 : 2000;

class DeepLiftRules : public ::testing::TestWithParam<DeepLiftRule> {};

INSTANTIATE_TEST_SUITE_P(Exact, DeepLiftRules,
                         ::testing::Values(DeepLiftRule::kRescale, DeepLiftRule::kRevealCancel,
                                           DeepLiftRule::kGenomics),
                         [](const auto& rule) { return std::string(to_string(rule.param)); });

TEST_P(DeepLiftRules, SumToDeltaOnRandomNetworksInDouble) {
  Worst worst;
  std::set<std::string> operators;
  for (unsigned seed = 0; seed < kNetworks; ++seed) {
    const OperatorNetwork network = OperatorNetworkMaker(seed).make();
    operators.insert(network.operators.begin(), network.operators.end());
    measure(network, seed, Precision::kDouble, GetParam(), worst);
  }
  std::printf("%s: %u networks, %zu operators, %ld sums; worst relative residual %.2g at %s\n", to_string(GetParam()),
              kNetworks, operators.size(), static_cast<long>(worst.sums), worst.error, worst.where.c_str());
  EXPECT_LE(worst.error, 1e-10) << worst.where;
  EXPECT_GE(operators.size(), 110U);
}

TEST_P(DeepLiftRules, SumToDeltaOnRandomNetworksInSingle) {
  Worst worst;
  for (unsigned seed = 0; seed < kNetworks; ++seed) {
    measure(OperatorNetworkMaker(seed).make(), seed, Precision::kSingle, GetParam(), worst);
  }
  std::printf("%s: %u networks, %ld sums; worst relative residual %.2g at %s\n", to_string(GetParam()), kNetworks,
              static_cast<long>(worst.sums), worst.error, worst.where.c_str());
  EXPECT_LE(worst.error, 1e-4) << worst.where;
}

}  // namespace
}  // namespace mho
