// Invariant: `mho evaluate` prints and writes what the library found, the same for the same seed, or says what is
// wrong.
#include "evaluate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "process.h"
#include "temporary_folder.h"

namespace mho::cli {
namespace {

using nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Score score(double value, double low, double high) { return {{value, value}, value, low, high}; }

Evaluation make_evaluation() {
  MethodEvaluation nig{
      "nig", false, {}, {{1, 0.5, 0}, {1, 0.25, 0}, {1, 0.75, 0}}, {{0, 0.5, 1}, {0, 0, 1}, {0, 1, 1}}};
  nig.scores = {score(0.25, 0.125, 0.375), score(0.75, 0.5, 1), score(0.96875, 0.9375, 1), score(0.875, 0.75, 1),
                score(1e-6, 0, 2e-6),      score(0.03, 0, 1),   score(0.002, 0, 1),        score(0.12, 0, 1)};
  MethodEvaluation random = nig;
  random.name = "random";
  random.is_reference = true;
  random.scores.fill(score(kNan, kNan, kNan));
  random.scores[0] = score(0.5, kNan, kNan);
  Evaluation evaluation;
  evaluation.layers = {{"fc", "n1", "Gemm", true, 4, 2, {0, 2, 4}, {nig, random}, {{1, 0.5}, {0.5, 1}}}};
  evaluation.costs = {{"nig", 0.0015, 30.5}};
  evaluation.f_input = {2.5, 3.5};
  evaluation.f_baseline = {0.5, 0.25};
  evaluation.target = {1, 0};
  evaluation.target_tensor = "logits";
  return evaluation;
}

TEST(Evaluate, PrintsOneTablePerLayerAndTheCosts) {
  const Evaluation evaluation = make_evaluation();
  const EvaluationRequest request;
  const EvaluationReport report{"m.onnx", "mho evaluate", "0", "argmax", 10, request, evaluation};
  EXPECT_EQ(
      evaluation_text(report),
      "model     m.onnx\n"
      "target    logits[argmax]\n"
      "baseline  0\n"
      "removed   units become baseline\n"
      "examples  2, their mean [95 % bootstrap interval, 1000 resamples]; seed 0\n"
      "\n"
      "fc  Gemm, 4 neurons, cut, 2 of them removed one by one\n"
      "  method    deletion           insertion          spearman           kendall  top 10  residual  infidelity  "
      "scaled  noise\n"
      "  nig       0.25 [0.12, 0.38]  0.75 [0.50, 1.00]  0.97 [0.94, 1.00]    0.875   1.000   1.0e-06     3.0e-02  "
      " 0.002  0.120\n"
      "  (random)  0.500              -                  -                        -   0.500         -           -  "
      "     -      -\n"
      "\n"
      "method  ms per example  evaluations\n"
      "nig                1.5         30.5\n"
      "\n"
      "Good are a small deletion area, a large insertion area, rank correlations with the ablation of single units "
      "near 1,\n"
      "and small residuals, infidelity and change by noise. In parentheses: no methods, but what to judge them "
      "by.\n");
}

TEST(Evaluate, TheDocumentHasEverythingWithNullForNaN) {
  const Evaluation evaluation = make_evaluation();
  const EvaluationRequest request;
  const json document =
      json::parse(evaluation_json({"m.onnx", "mho evaluate", "0", "argmax", 10, request, evaluation}).dump());
  EXPECT_EQ(document["format"], "mho evaluation 1");
  EXPECT_EQ(document["examples"][1]["example"], 11);
  const json& layer = document["layers"][0];
  EXPECT_EQ(layer["removed"], json({0, 2, 4}));
  EXPECT_EQ(layer["overlap"][0][1], 0.5);
  EXPECT_EQ(layer["methods"][0]["scores"]["deletion_area"]["value"], 0.25);
  EXPECT_EQ(layer["methods"][0]["scores"]["spearman"]["per_example"].size(), 2U);
  EXPECT_EQ(layer["methods"][0]["deletion"]["low"], json({1, 0.25, 0}));
  EXPECT_TRUE(layer["methods"][1]["scores"]["kendall"]["value"].is_null());
  EXPECT_EQ(layer["methods"][1]["reference"], true);
}

std::vector<std::string> arguments(const std::vector<std::string>& more) {
  std::vector<std::string> all = {"evaluate",   "examples/digits/cnn.onnx",
                                  "-i",         "examples/digits/digits.npz",
                                  "--examples", "0:3",
                                  "-l",         "relu4",
                                  "--noises",   "1",
                                  "--subsets",  "20"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Evaluate, TheFileIsTheDocumentAndTheSameSeedGivesTheSame) {
  const TemporaryFolder folder;
  const Finished run = run_program(arguments({"--json", "-o", folder / "e.json", "--methods", "nig,deeplift"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  json once = json::parse(run.output);
  std::ifstream file(folder / "e.json");
  EXPECT_EQ(json::parse(file), once);
  json again = json::parse(run_program(arguments({"--json", "--methods", "nig,deeplift"})).output);
  for (json* document : {&once, &again}) {
    document->erase("command");
    for (json& method : (*document)["methods"]) method.erase("seconds");
  }
  EXPECT_EQ(once, again);
  const json& nig = once["layers"][0]["methods"][0];
  EXPECT_NEAR(nig["scores"]["spearman"]["value"], 1, 1e-3) << "the target is affine in relu4";
  EXPECT_EQ(once["layers"][0]["methods"].size(), 5U);
  EXPECT_TRUE(contains(run_program(arguments({"-o", folder / "e.json"})).errors, "--force"));
}

TEST(Evaluate, RefusesUnknownMethodsAndLayersByName) {
  for (const auto& [options, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--methods", "nig,nonsense"}, "nonsense"},
           {{"--methods", "ig"}, "ig has no layers"},
           {{"--methods", "nig,nig"}, "two methods"},
           {{"--methods", "nig:rescale"}, "only deeplift has rules"},
           {{"-l", "rleu4"}, "relu4"},
           {{"--confidence", "1.5"}, "confidence"},
           {{"--methods", "nig", "--rule", "genomics"}, "--rule needs deeplift"},
           {{"-o", "result.npz"}, ".json"}}) {
    const Finished run = run_program(arguments(options));
    EXPECT_EQ(run.status, 2) << run.errors;
    EXPECT_TRUE(contains(run.errors, part)) << run.errors;
    EXPECT_EQ(run.output, "");
  }
}

TEST(Evaluate, AblationTakesUnitsAndReplacementsOnTheCommandLine) {
  const std::vector<std::string> common = {
      "attribute", "examples/digits/cnn.onnx", "-i", "examples/digits/digits.npz", "--examples", "0:2", "-l", "pool",
      "--json"};
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = common;
    all.insert(all.end(), more.begin(), more.end());
    return run_program(all);
  };
  const json channels = json::parse(run({"-m", "ablation", "--units", "channel", "--replace", "mean"}).output);
  EXPECT_EQ(channels["layers"][0]["shape"], json({32}));
  EXPECT_EQ(channels["metadata"]["replacement"], "mean");
  EXPECT_TRUE(contains(run({"-m", "nig", "--units", "channel"}).errors, "-m ablation"));
}

}  // namespace
}  // namespace mho::cli
