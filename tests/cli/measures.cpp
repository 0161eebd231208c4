// Invariant: Grad-CAM, LRP, references and aggregates of the program are those of the library's results, or refused.
#include <gtest/gtest.h>
#include <mho/io.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "process.h"
#include "temporary_folder.h"

namespace mho::cli {
namespace {

const std::string kCnn = "examples/digits/cnn.onnx";
const std::string kDigits = "examples/digits/digits.npz";

Finished attribute(const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"attribute", kCnn, "-i", kDigits};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return run_program(arguments);
}

void expect_refused(const std::vector<std::string>& options, const std::string& part) {
  const Finished run = attribute(options);
  EXPECT_EQ(run.status, 2) << run.errors;
  EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
}

TEST(Measures, GradCamWritesMaps) {
  const TemporaryFolder folder;
  for (const bool keep_sign : {false, true}) {
    std::vector<std::string> options = {"-m", "grad_cam", "--quiet", "--force", "-o", folder / "r.npz"};
    if (keep_sign) options.emplace_back("--signed-map");
    const Finished run = attribute(options);
    ASSERT_EQ(run.status, 0) << run.errors;
    const auto arrays = io::read_npz(folder / "r.npz");
    const Array& map = arrays.at("relu1");
    EXPECT_EQ(map.shape(), Shape({36, 1, 8, 8}));
    EXPECT_FALSE(arrays.contains("relu4")) << "it has no positions";
    bool negative = false;
    for (const double v : map.as<double>()) negative = negative || v < 0;
    EXPECT_EQ(negative, keep_sign);
  }
  expect_refused({"-m", "grad_cam", "-l", "relu4"}, "'relu4' has no positions");
  expect_refused({"--signed-map"}, "--signed-map needs -m grad_cam");
}

TEST(Measures, LrpTakesRulesByNode) {
  const TemporaryFolder folder;
  const auto input = [&](std::vector<std::string> options) {
    options.insert(options.end(), {"-m", "lrp", "-l", "image", "--quiet", "--force", "-o", folder / "r.npz"});
    const Finished run = attribute(options);
    EXPECT_EQ(run.status, 0) << run.errors;
    return io::read_npz(folder / "r.npz").at("image");
  };
  const Array plain = input({}), same = input({"--rule", "gamma", "--rule", "*=epsilon:1e-9"});
  const Array gamma = input({"--rule", "gamma"}), conv = input({"--rule", "Conv=gamma"});
  double norm = 0, same_by = 0, gamma_by = 0, conv_by = 0;
  for (std::int64_t i = 0; i < plain.size(); ++i) {
    norm += std::abs(plain.at(i));
    same_by += std::abs(plain.at(i) - same.at(i));
    gamma_by += std::abs(plain.at(i) - gamma.at(i));
    conv_by += std::abs(gamma.at(i) - conv.at(i));
  }
  EXPECT_EQ(same_by, 0);
  EXPECT_GT(gamma_by, 0.01 * norm);
  EXPECT_GT(conv_by, 1e-3 * norm) << "dense layers keep epsilon";
  expect_refused({"-m", "lrp", "--rule", "rescale"}, "epsilon:E");
  expect_refused({"-m", "lrp", "--rule", "Relu=gamma"}, "'Relu'");
  expect_refused({"-m", "lrp", "--rule", "gamma:-1"}, "parameter");
}

TEST(Measures, PositionsAreSummed) {
  const TemporaryFolder folder;
  const std::vector<std::string> options = {"-m", "gradient_x_activation", "-l", "relu1", "--quiet"};
  const auto values = [&](const std::string& file, const std::string& how) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-o", folder / file, "--positions", how});
    EXPECT_EQ(attribute(all).status, 0);
    return io::read_npz(folder / file).at("relu1");
  };
  const Array full = values("full.npz", "none"), sums = values("sums.npz", "sum");
  ASSERT_EQ(sums.shape(), Shape({36, 16}));
  for (std::int64_t c = 0; c < sums.size(); ++c) {
    double sum = 0;
    for (std::int64_t p = 0; p < 64; ++p) sum += full.at(c * 64 + p);
    EXPECT_NEAR(sums.at(c), sum, 1e-12 * (1 + std::abs(sum)));
  }
  expect_refused({"--positions", "mean"}, "--positions");
}

// 36 examples are attributed in parts of 8 and 28.
TEST(Measures, AggregatesAreMeansOfTheFullResult) {
  const TemporaryFolder folder;
  const std::vector<std::string> options = {"-m", "gradient_x_activation", "-l", "relu1", "relu4", "--quiet"};
  std::vector<std::string> full = options, means = options;
  full.insert(full.end(), {"-o", folder / "full.npz"});
  means.insert(means.end(), {"-o", folder / "means.npz", "--aggregate", "--per-class"});
  ASSERT_EQ(attribute(full).status, 0);
  const Finished run = attribute(means);
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto all = io::read_npz(folder / "full.npz");
  const auto aggregated = io::read_npz(folder / "means.npz");
  EXPECT_EQ(aggregated.at("mho/examples").at(0), 36);
  const Array& targets = all.at("mho/target");
  for (const std::string layer : {"relu1", "relu4"}) {
    const Array& values = all.at(layer);
    const std::int64_t size = values.size() / 36;
    for (std::int64_t i = 0; i < size; ++i) {
      double sum = 0, magnitudes = 0, of_class = 0, count = 0;
      for (std::int64_t n = 0; n < 36; ++n) {
        const double v = values.at(n * size + i);
        sum += v;
        magnitudes += std::abs(v);
        if (targets.at(n) != 3) continue;
        of_class += v;
        ++count;
      }
      // float32 rounds otherwise in batches of another size.
      const double near = 1e-5 * (1 + magnitudes);
      EXPECT_NEAR(aggregated.at(layer).at(i), sum / 36, near);
      EXPECT_NEAR(aggregated.at("mho/mean_magnitude/" + layer).at(i), magnitudes / 36, near);
      ASSERT_GT(count, 0);
      EXPECT_NEAR(aggregated.at("mho/class/3/" + layer).at(i), of_class / count, near);
    }
  }
}

TEST(Measures, AggregatesAreReported) {
  const Finished run = attribute({"--aggregate", "-l", "relu4", "--positions", "abs_sum", "--json", "--top", "3"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto document = nlohmann::json::parse(run.output);
  EXPECT_EQ(document["examples"].size(), 36U);
  ASSERT_EQ(document["layers"].size(), 1U);
  EXPECT_EQ(attribute({"--aggregate", "-l", "relu4", "-b", "mean"}).status, 0);
  expect_refused({"--per-class"}, "--aggregate");
  expect_refused({"--aggregate", "--picture", "p.png"}, "--picture");
  expect_refused({"--aggregate", "--one-example"}, "--one-example");
}

}  // namespace
}  // namespace mho::cli
