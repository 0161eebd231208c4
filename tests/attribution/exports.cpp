// What people export: networks from both of PyTorch's exporters give PyTorch's logits and gradients, and complete
// attributions (tests/golden/make_exports.py).
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace mho {
namespace {

namespace fs = std::filesystem;

struct Exported {
  fs::path model;
  std::map<std::string, Array, std::less<>> values;

  [[nodiscard]] Inputs group(const std::string& prefix) const {
    Inputs arrays;
    for (const auto& [name, array] : values) {
      if (name.starts_with(prefix)) arrays.emplace(name.substr(prefix.size()), array);
    }
    return arrays;
  }
  [[nodiscard]] std::vector<std::string> layers() const {
    std::vector<std::string> names;
    for (const auto& [name, array] : group("layer:")) names.push_back(name);
    return names;
  }
};

Exported load(const std::string& name) {
  const fs::path folder = fs::path(MHO_SOURCE_DIR) / "tests/golden/exports";
  return {folder / (name + ".onnx"), io::read_npz(folder / (name + ".npz"))};
}

/// Largest difference relative to the largest element.
double error_of(const Array& actual, const Array& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double worst = 0, largest = 0;
  for (std::int64_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(actual.at(i) - expected.at(i)));
    largest = std::max(largest, std::abs(expected.at(i)));
  }
  return worst / largest;
}

class Exports : public ::testing::TestWithParam<std::string> {};

TEST_P(Exports, GiveTheLogitsOfPyTorch) {
  const Exported exported = load(GetParam());
  const auto outputs = Model::load(exported.model).run(exported.group("in:"));
  EXPECT_LE(error_of(outputs.at("logits"), exported.values.at("logits")), 1e-5);
}

TEST_P(Exports, GiveTheValuesAndGradientsOfPyTorchAtThreeLayers) {
  const Exported exported = load(GetParam());
  const Model model = Model::load(exported.model);
  ASSERT_EQ(exported.layers().size(), 3U);
  for (const std::int64_t micro_batch : {1, 2}) {
    Request request;
    request.layers = exported.layers();
    request.target = IndexTarget{{{1}}};
    request.micro_batch = micro_batch;
    for (const auto& [method, group] : {std::pair{Method::kGradient, "gradient:"}, {Method::kActivation, "layer:"}}) {
      request.method = method;
      for (const LayerResult& layer : attribute(model, exported.group("in:"), request).layers) {
        EXPECT_LE(error_of(layer.values, exported.values.at(group + layer.name)), 1e-4)
            << to_string(method) << " at " << layer.name;
      }
    }
  }
}

TEST_P(Exports, HaveCompleteAttributions) {
  const Exported exported = load(GetParam());
  const Model model = Model::load(exported.model);
  for (const Method method : {Method::kNig, Method::kDeepLift}) {
    Request request;
    request.method = method;
    request.layers = exported.layers();
    request.target = IndexTarget{{{1}}};
    request.tolerance = 2e-3;
    request.max_steps = 4096;
    std::size_t cuts = 0;
    const Result result = attribute(model, exported.group("in:"), request);
    for (const LayerResult& layer : result.layers) {
      for (std::size_t n = 0; n < layer.residual.size(); ++n) {
        ++cuts;
        const double change = std::abs(result.f_input[n] - result.f_baseline[n]);
        double size = 0;
        const std::int64_t neurons = layer.values.size() / 2;
        for (std::int64_t k = 0; k < neurons; ++k) {
          size += std::abs(layer.values.at(static_cast<std::int64_t>(n) * neurons + k));
        }
        EXPECT_LE(std::abs(layer.residual[n]), (method == Method::kNig ? 4e-3 : 1e-4) * std::max(change, size))
            << to_string(method) << " at " << layer.name;
      }
    }
    EXPECT_GT(cuts, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Exports,
                         ::testing::Values("lstm_torchscript", "lstm_dynamo", "bert_torchscript", "bert_dynamo",
                                           "vit_torchscript", "vit_dynamo", "unet_torchscript", "unet_dynamo",
                                           "convnext_torchscript", "convnext_dynamo", "dna_torchscript", "dna_dynamo"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace mho
