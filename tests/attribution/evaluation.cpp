// evaluate(): what is known in closed form on affine networks, the same numbers whatever the threads, and what is
// refused.
#include <gtest/gtest.h>
#include <mho/evaluation.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/golden.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::NetworkKind;
using testing::RandomNetwork;

constexpr std::int64_t kExamples = 4;

Model parse(const RandomNetwork& network, const ModelOptions& options = {.precision = Precision::kDouble}) {
  return Model::parse(std::as_bytes(std::span(network.bytes)), {}, options);
}

const MethodEvaluation& method_of(const LayerEvaluation& layer, const std::string& name) {
  const auto found = std::ranges::find(layer.methods, name, &MethodEvaluation::name);
  if (found == layer.methods.end()) throw std::runtime_error("no method " + name);
  return *found;
}

/// Below (F_k - F(x')) / (F(x) - F(x')) with F_k = F(x) - sum of the k values that brought F furthest that way.
double deletion_area(std::vector<double> values) {
  const double total = std::accumulate(values.begin(), values.end(), 0.0);
  std::ranges::sort(values, std::greater{});
  if (total < 0) std::ranges::reverse(values);
  double left = total, area = 0;
  for (const double v : values) {
    area += (left + left - v) / 2 / total;
    left -= v;
  }
  return area / static_cast<double>(values.size());
}

TEST(Evaluation, OnAffineNetworksTheExactMeasureIsPerfectAndItsCurveKnown) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    const RandomNetwork network = testing::random_network(NetworkKind::kAffine, seed);
    const Model model = parse(network);
    const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, seed)}};
    EvaluationRequest request;
    request.methods = {{"nig", Method::kNig}, {"deeplift", Method::kDeepLift}, {"activation", Method::kActivation}};
    const Evaluation evaluation = evaluate(model, inputs, request);
    const Result nig = attribute(model, inputs);
    ASSERT_EQ(evaluation.layers.size(), nig.layers.size());
    for (std::size_t l = 0; l < nig.layers.size(); ++l) {
      const LayerEvaluation& layer = evaluation.layers[l];
      const std::string where = "seed " + std::to_string(seed) + " layer " + layer.name;
      EXPECT_EQ(layer.single_units, layer.units);
      if (layer.units > request.curve_points || layer.units < 2) continue;
      const Array& values = nig.layers[l].values;
      for (std::int64_t n = 0; n < kExamples; ++n) {
        const auto e = static_cast<std::size_t>(n);
        std::vector<double> of_example;
        for (std::int64_t u = 0; u < layer.units; ++u) of_example.push_back(values.at(n * layer.units + u));
        for (const char* name : {"nig", "deeplift"}) {
          const MethodEvaluation& exact = method_of(layer, name);
          const double expected = deletion_area(of_example);
          EXPECT_NEAR(exact.score(Metric::kDeletionArea).per_example[e], expected, 1e-9 * (1 + std::abs(expected)))
              << where;
          // Putting back the k largest leads the same way from F(x') up.
          EXPECT_NEAR(exact.score(Metric::kInsertionArea).per_example[e], 1 - expected, 1e-9 * (1 + std::abs(expected)))
              << where;
          EXPECT_NEAR(exact.score(Metric::kInfidelity).per_example[e], 0, 1e-18) << where;
          EXPECT_NEAR(exact.score(Metric::kInfidelityScaled).per_example[e], 0, 1e-12) << where;
          EXPECT_NEAR(exact.score(Metric::kCompleteness).per_example[e], 0, 1e-12) << where;
        }
        EXPECT_NEAR(method_of(layer, "nig").score(Metric::kSpearman).per_example[e], 1, 1e-9) << where;
        EXPECT_NEAR(method_of(layer, "nig").score(Metric::kKendall).per_example[e], 1, 1e-9) << where;
        EXPECT_DOUBLE_EQ(method_of(layer, "ablation").score(Metric::kSpearman).per_example[e], 1) << where;
        EXPECT_GT(method_of(layer, "activation").score(Metric::kInfidelity).per_example[e], 1e-6) << where;
      }
    }
  }
}

TEST(Evaluation, ReversedAndRandomOrdersAreWhatTheyAreCalled) {
  const testing::GoldenNetwork network = testing::load_golden("plain_cnn");
  const Model model = Model::load(network.model, {.precision = Precision::kDouble});
  EvaluationRequest request;
  request.request = network.request(Method::kNig);
  request.methods = {{"nig", Method::kNig}, {"gradient", Method::kGradient}};
  request.request.layers = {network.layers.back()};
  const Evaluation evaluation = evaluate(model, network.group("input"), request);
  const LayerEvaluation& layer = evaluation.layers.at(0);
  ASSERT_EQ(layer.methods.size(), 5U);
  const MethodEvaluation& nig = layer.methods[0];
  const MethodEvaluation& reversed = method_of(layer, "reversed");
  for (std::size_t n = 0; n < evaluation.f_input.size(); ++n) {
    EXPECT_NEAR(reversed.score(Metric::kSpearman).per_example[n], -nig.score(Metric::kSpearman).per_example[n], 1e-12);
    EXPECT_LT(nig.score(Metric::kDeletionArea).per_example[n], reversed.score(Metric::kDeletionArea).per_example[n]);
  }
  EXPECT_TRUE(reversed.is_reference);
  EXPECT_TRUE(std::isnan(reversed.score(Metric::kMaxSensitivity).value)) << "noise is not given to references";
  EXPECT_GT(nig.score(Metric::kMaxSensitivity).value, 0);
  EXPECT_LT(std::abs(method_of(layer, "random").score(Metric::kSpearman).value), 0.6);
  EXPECT_EQ(layer.overlap[0][0], 1);
  EXPECT_EQ(layer.overlap[0][1], layer.overlap[1][0]);
  EXPECT_EQ(evaluation.costs.size(), 2U);
  EXPECT_GT(evaluation.costs[0].evaluations, 2);
}

void expect_equal(const Evaluation& a, const Evaluation& b, double tolerance) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    ASSERT_EQ(a.layers[l].methods.size(), b.layers[l].methods.size());
    for (std::size_t m = 0; m < a.layers[l].methods.size(); ++m) {
      const MethodEvaluation &x = a.layers[l].methods[m], &y = b.layers[l].methods[m];
      for (std::size_t i = 0; i < kMetrics; ++i) {
        const std::string what = a.layers[l].name + " " + x.name + " " + to_string(static_cast<Metric>(i));
        for (std::size_t n = 0; n < x.scores[i].per_example.size(); ++n) {
          const double v = x.scores[i].per_example[n], w = y.scores[i].per_example[n];
          if (std::isnan(v)) {
            EXPECT_TRUE(std::isnan(w)) << what;
          } else {
            EXPECT_NEAR(v, w, tolerance * (1 + std::abs(v))) << what;
          }
        }
        // Resamples are the same, so that intervals are as near as scores, unless these are ranks that rounding turned.
        if (tolerance < 1e-6 && !std::isnan(x.scores[i].low)) {
          EXPECT_NEAR(x.scores[i].low, y.scores[i].low, tolerance * (1 + std::abs(x.scores[i].low))) << what;
        }
      }
    }
  }
}

TEST(Evaluation, IsTheSameForEveryMicroBatchAndNumberOfThreads) {
  const RandomNetwork network = testing::random_network(NetworkKind::kCnn, 2);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, 2)}};
  EvaluationRequest request;
  request.request.layers = {"conv1", "gap"};
  request.request.ablation.unit = AblationUnit::kChannel;
  request.methods = {{"nig", Method::kNig}, {"deeplift", Method::kDeepLift}};
  request.request.steps = 8;
  request.curve_points = 7;
  request.subsets = 20;
  request.noises = 1;
  const Evaluation exact = evaluate(parse(network), inputs, request);
  request.request.micro_batch = 3;
  expect_equal(exact, evaluate(parse(network), inputs, request), 1e-12);
  request.request.micro_batch = 0;
  const Evaluation single = evaluate(parse(network, {.threads = 1}), inputs, request);
  request.request.micro_batch = 7;
  expect_equal(single, evaluate(parse(network, {.threads = 3}), inputs, request), 1e-3);
}

TEST(Evaluation, ASampleOfTheUnitsStandsForAllOfThem) {
  const RandomNetwork network = testing::random_network(NetworkKind::kReluMlp, 3);
  const Model model = parse(network);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, 3)}};
  EvaluationRequest request;
  request.single_units = 5;
  request.noises = 0;
  request.subsets = 0;
  for (const LayerEvaluation& layer : evaluate(model, inputs, request).layers) {
    EXPECT_EQ(layer.single_units, std::min<std::int64_t>(5, layer.units));
    const bool all = layer.units <= 5;
    EXPECT_EQ(std::ranges::count(layer.methods, "ablation", &MethodEvaluation::name), all ? 1 : 0);
    EXPECT_TRUE(std::isnan(layer.methods[0].score(Metric::kInfidelity).value));
    EXPECT_TRUE(std::isnan(layer.methods[0].score(Metric::kMaxSensitivity).value));
    EXPECT_FALSE(std::isnan(layer.methods[0].score(Metric::kSpearman).value));
  }
}

TEST(Evaluation, AblationAsAMethodIsItsOwnReference) {
  const RandomNetwork network = testing::random_network(NetworkKind::kReluMlp, 5);
  const Model model = parse(network);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, 5)}};
  for (const Replacement replacement : {Replacement::kBaseline, Replacement::kZero, Replacement::kMean}) {
    EvaluationRequest request;
    request.methods = {{"ablation", Method::kAblation}, {"nig", Method::kNig}};
    request.request.ablation.replacement = replacement;
    for (const LayerEvaluation& layer : evaluate(model, inputs, request).layers) {
      EXPECT_EQ(layer.methods.size(), 4U) << "no reference of the same name";
      for (const double rho : layer.methods[0].score(Metric::kSpearman).per_example) EXPECT_NEAR(rho, 1, 1e-12);
    }
  }
}

TEST(Evaluation, RefusesWhatMakesNoSense) {
  const RandomNetwork network = testing::random_network(NetworkKind::kReluMlp, 1);
  const Model model = parse(network);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, 2, 1)}};
  const auto refused = [&](Code code, const std::string& part, auto change) {
    EvaluationRequest request;
    change(request);
    try {
      static_cast<void>(evaluate(model, inputs, request));
      ADD_FAILURE() << "no error that says '" << part << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  using R = EvaluationRequest&;
  refused(Code::kNotFound, "nothing", [](R r) { r.request.layers = {"nothing"}; });
  refused(Code::kInvalidArgument, "no method", [](R r) { r.methods.clear(); });
  refused(Code::kInvalidArgument, "two methods", [](R r) { r.methods.push_back(r.methods[0]); });
  refused(Code::kInvalidArgument, "ig has no layers", [](R r) { r.methods = {{"ig", Method::kIg}}; });
  refused(Code::kInvalidArgument, "radius", [](R r) { r.radius = 0; });
  refused(Code::kInvalidArgument, "confidence", [](R r) { r.confidence = 1; });
  refused(Code::kInvalidArgument, "curve_points", [](R r) { r.curve_points = 0; });
  refused(Code::kInvalidArgument, "one baseline", [&](R r) { r.request.baseline = ReferenceSet{inputs}; });
  refused(Code::kCancelled, "cancelled", [](R r) { r.request.progress = [](const Progress&) { return false; }; });
  EXPECT_THROW(static_cast<void>(parse_evaluated_method("nigg")), Error);
  EXPECT_THROW(static_cast<void>(parse_evaluated_method("nig:rescale")), Error);
  EXPECT_EQ(parse_evaluated_method("deeplift:reveal_cancel").rules.at(0).rule, DeepLiftRule::kRevealCancel);
}

}  // namespace
}  // namespace mho
