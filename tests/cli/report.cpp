// Invariant: people and machines are told the same numbers, and told where the tolerance was not reached.
#include "report.h"

#include <gtest/gtest.h>

#include <limits>

#include "json.h"

namespace mho::cli {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Two examples, a convolutional and a fully connected layer.
Result make_result() {
  Result result;
  LayerResult conv{"conv", "n0", "Conv", true, Array(DType::f64, {2, 2, 2, 2}), {0.001, 0.02}, {1e-6, -3e-6}};
  auto values = conv.values.as<double>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  LayerResult fc{"fc", "n1", "Gemm", false, Array({2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6}), {kNan, kNan}, {}};
  result.layers = {std::move(conv), std::move(fc)};
  result.f_input = {2.5, 3.5};
  result.f_baseline = {0.5, 0.5};
  result.target = {1, 0};
  result.evaluations = {33, 65};
  result.steps = {32, 64};
  result.converged = {true, false};
  result.target_tensor = "logits";
  result.target_note = "logits: input of the final Softmax";
  result.batching = "micro-batched";
  result.micro_batch = 8;
  return result;
}

struct Fixture {
  Request request;
  Result result = make_result();
  Report report{"m.onnx", "0", "argmax", 10, request, result, {"cat", "dog"}, rankings()};

  [[nodiscard]] std::vector<Ranking> rankings() const {
    std::vector<Ranking> all;
    for (const LayerResult& layer : result.layers) all.push_back(rank_layer(layer, 2, false));
    return all;
  }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Report, TellsEveryExampleWithItsNumberTargetAndErrors) {
  const Fixture fixture;
  const std::string text = report_text(fixture.report);
  EXPECT_TRUE(contains(text, "     10  1 (dog)   2.5    0.5   1.0e-06     1.0e-03           33\n")) << text;
  EXPECT_TRUE(contains(text, "     11  0 (cat)   3.5    0.5   3.0e-06     2.0e-02           65  not converged\n"))
      << text;
  EXPECT_TRUE(contains(text, "target    logits[argmax]  (logits: input of the final Softmax)\n")) << text;
  EXPECT_TRUE(contains(text, "batching  micro-batched; 8 at once\n")) << text;
}

TEST(Report, TellsTheTopChannelsAndNeuronsOfEveryLayer) {
  const std::string text = report_text(Fixture().report);
  EXPECT_TRUE(contains(text, "conv  Conv, 8 neurons [2, 2, 2], cut, residual 3.0e-06, est. error 2.0e-02\n")) << text;
  EXPECT_TRUE(contains(text, "fc  Gemm, 3 neurons [3]\n")) << text;
  EXPECT_TRUE(contains(text, "  channel      1")) << text;
  EXPECT_TRUE(contains(text, "  neuron   1,1,1")) << text;
}

TEST(Report, TellsWhatBfloat16Cost) {
  Fixture fixture;
  EXPECT_FALSE(contains(report_text(fixture.report), "bfloat16"));
  EXPECT_FALSE(to_json(fixture.report)["layers"][0].contains("precision_error"));
  fixture.result.layers[0].precision_error = 0.002;
  fixture.result.layers[1].precision_error = 0.0005;
  const std::string text = report_text(fixture.report);
  EXPECT_TRUE(contains(text, "\nprecision bfloat16: the first example differs from float32 by 2.0e-03 ")) << text;
  EXPECT_TRUE(contains(text, "est. error 2.0e-02, bf16 error 2.0e-03\n")) << text;
  EXPECT_TRUE(contains(text, "fc  Gemm, 3 neurons [3], bf16 error 5.0e-04\n")) << text;
  EXPECT_EQ(to_json(fixture.report)["layers"][1]["precision_error"].get<double>(), 0.0005);
}

TEST(Report, ManyExamplesAreCutShort) {
  Fixture fixture;
  Result& result = fixture.result;
  result.f_input.assign(100, 1.0);
  result.f_baseline.assign(100, 0.0);
  result.target.assign(100, 0);
  result.evaluations.assign(100, 1);
  result.steps.assign(100, 1);
  result.converged.assign(100, true);
  EXPECT_TRUE(contains(report_text(fixture.report), "… and 60 more\n"));
}

TEST(Report, WarnsOfExamplesThatDidNotConvergeAndOnlyThen) {
  Fixture fixture;
  const std::string warning = convergence_warning(fixture.report);
  EXPECT_TRUE(contains(warning, "1 of 2 examples") && contains(warning, "(example 11)") && contains(warning, "2.0e-02"))
      << warning;
  fixture.result.converged = {true, true};
  EXPECT_EQ(convergence_warning(fixture.report), "");
}

TEST(Report, TellsWhereTheDifferenceIsLostToRounding) {
  Fixture fixture;
  LayerResult& layer = fixture.result.layers[0];
  fixture.result.metadata["precision"] = "single";
  layer.cancellation = {3, 900};
  EXPECT_FALSE(contains(report_text(fixture.report), "cancellation"));
  EXPECT_EQ(cancellation_warning(fixture.report), "");
  layer.cancellation = {3, 5000};
  EXPECT_TRUE(contains(report_text(fixture.report), "residual 3.0e-06, cancellation 5.0e+03, est. error"));
  EXPECT_EQ(cancellation_warning(fixture.report), "");
  layer.cancellation = {3, 50'000};
  const std::string warning = cancellation_warning(fixture.report);
  EXPECT_TRUE(contains(warning, "in 1 of 2 examples (example 11)") && contains(warning, "5.0e+04 times smaller") &&
              contains(warning, "--precision double"))
      << warning;
  EXPECT_EQ(to_json(fixture.report)["layers"][0]["cancellation"][1].get<double>(), 50'000);
  fixture.result.metadata["precision"] = "double";
  EXPECT_EQ(cancellation_warning(fixture.report), "");
  layer.cancellation = {std::numeric_limits<double>::infinity(), 1};
  EXPECT_TRUE(contains(cancellation_warning(fixture.report), "(example 10)"));
}

TEST(Report, WorstResidualIsNoneWhereNoLayerHasOne) {
  Result result = make_result();
  EXPECT_DOUBLE_EQ(worst_residual(result, 1), 3e-6);
  result.layers.erase(result.layers.begin());
  EXPECT_TRUE(std::isnan(worst_residual(result, 0)));
  EXPECT_TRUE(std::isnan(worst_error(result, 0)));
}

TEST(Report, NamesFromTheModelCannotSteerTheTerminal) {
  Fixture fixture;
  fixture.result.layers[0].name = "a\x1b[2Jb";
  EXPECT_FALSE(contains(report_text(fixture.report), "\x1b"));
}

TEST(Json, HasTheNumbersOfTheReport) {
  const Fixture fixture;
  const nlohmann::json document = nlohmann::json::parse(json_text(to_json(fixture.report)));
  EXPECT_EQ(document["method"], "nig");
  EXPECT_EQ(document["examples"][1]["example"], 11);
  EXPECT_EQ(document["examples"][1]["label"], "cat");
  EXPECT_EQ(document["examples"][1]["converged"], false);
  EXPECT_EQ(document["layers"][0]["shape"], nlohmann::json({2, 2, 2}));
  EXPECT_EQ(document["layers"][0]["top_channels"][0]["index"], nlohmann::json({1}));
  EXPECT_TRUE(document["layers"][1]["estimated_error"][0].is_null());
}

TEST(Json, MendsNamesThatAreNoUtf8) {
  Fixture fixture;
  fixture.result.layers[0].name.assign(1, static_cast<char>(0xff));
  const auto document = nlohmann::json::parse(json_text(to_json(fixture.report)));
  EXPECT_EQ(document["layers"][0]["name"], "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace mho::cli
