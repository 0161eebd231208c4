// Ablation agrees with running an edited model again, whatever the micro-batch and the number of threads; on networks
// that are affine behind the layer it is gradient x activation (by zero) and DeepLIFT (by the baseline).
#include <gtest/gtest.h>
#include <mho/attribution.h>

#include <algorithm>
#include <cmath>

#include "support/golden.h"
#include "support/kinked_network.h"
#include "support/random_network.h"
#include "support/sanitized.h"

namespace mho {
namespace {

using testing::NetworkKind;
using testing::RandomNetwork;

constexpr std::int64_t kExamples = 3;

Model parse(const std::string& bytes, const ModelOptions& options = {.precision = Precision::kDouble}) {
  return Model::parse(std::as_bytes(std::span(bytes)), {}, options);
}

Request ablate(const std::vector<std::string>& layers, AblationUnit unit, Replacement replacement) {
  Request request;
  request.method = Method::kAblation;
  request.layers = layers;
  request.ablation.unit = unit;
  request.ablation.replacement = replacement;
  request.target = IndexTarget{{{1}}};
  return request;
}

/// The model with `layer`, as far as other nodes read it, multiplied by input `mask` and moved by input `offset`.
std::string with_mask(const std::string& bytes, const std::string& layer, const Shape& one) {
  ::onnx::ModelProto model;
  if (!model.ParseFromString(bytes)) throw std::runtime_error("no model");
  ::onnx::GraphProto& graph = *model.mutable_graph();
  ::onnx::GraphProto edited = graph;
  edited.clear_node();
  for (::onnx::NodeProto node : graph.node()) {
    for (std::string& name : *node.mutable_input()) {
      if (name == layer) name = "edited";
    }
    *edited.add_node() = node;
    if (std::ranges::find(node.output(), layer) == node.output().end()) continue;
    for (const auto& [op, inputs, output] :
         {std::tuple{"Mul", std::vector<std::string>{layer, "mask"}, "masked"},
          std::tuple{"Add", std::vector<std::string>{"masked", "offset"}, "edited"}}) {
      ::onnx::NodeProto& added = *edited.add_node();
      added.set_op_type(op);
      for (const std::string& name : inputs) added.add_input(name);
      added.add_output(output);
    }
  }
  for (const char* name : {"mask", "offset"}) {
    ::onnx::ValueInfoProto& input = *edited.add_input();
    input.set_name(name);
    auto& tensor = *input.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(::onnx::TensorProto::FLOAT);
    tensor.mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t extent : one) tensor.mutable_shape()->add_dim()->set_dim_value(extent);
  }
  graph = edited;
  return model.SerializeAsString();
}

std::vector<std::int64_t> elements_of(std::int64_t unit, AblationUnit kind, const Shape& one) {
  if (kind == AblationUnit::kNeuron) return {unit};
  std::vector<std::int64_t> elements;
  const std::int64_t positions = element_count(one) / one[0];
  for (std::int64_t p = 0; p < positions; ++p) elements.push_back(unit * positions + p);
  return elements;
}

Array layer_values(const Model& model, const Inputs& inputs, const std::string& layer) {
  Request request;
  request.method = Method::kActivation;
  request.layers = {layer};
  return attribute(model, inputs, request).layers[0].values;
}

struct Case {
  std::string name;
  RandomNetwork network;
};
std::vector<Case> cases() {
  std::vector<Case> all;
  for (unsigned seed = 0; seed < 2; ++seed) {
    all.push_back({"mlp" + std::to_string(seed), testing::random_network(NetworkKind::kReluMlp, seed)});
    all.push_back({"smooth" + std::to_string(seed), testing::random_network(NetworkKind::kSmoothMlp, seed)});
    all.push_back({"cnn" + std::to_string(seed), testing::random_network(NetworkKind::kCnn, seed)});
    all.push_back({"kinked" + std::to_string(seed), testing::kinked_network(seed)});
  }
  return all;
}

/// One example of an array with kExamples.
Array example_of(const Array& all, std::int64_t n) {
  Shape shape = all.shape();
  shape[0] = 1;
  const std::int64_t size = element_count(shape);
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(all.at(n * size + i));
  return {shape, values};
}

/// In layers of up to `most` neurons.
void expect_as_edited(const Case& c, AblationUnit unit, Replacement replacement, std::int64_t most) {
  const Model model = parse(c.network.bytes);
  const Inputs inputs = {{"x", testing::random_inputs(c.network.input, kExamples, 5)}};
  Inputs baseline = {{"x", testing::random_inputs(c.network.input, 1, 77)}};
  for (const Layer& layer : model.inspect().layers) {
    if (layer.op == "Input" || layer.name == "logits" || layer.shape.size() < 2) continue;
    if (element_count(layer.shape) > most) continue;
    Request request = ablate({layer.name}, unit, replacement);
    request.baseline = baseline;
    const Result result = attribute(model, inputs, request);
    const Shape one(layer.shape.begin() + 1, layer.shape.end());
    const std::int64_t size = element_count(one);
    const std::int64_t units = result.layers[0].values.size() / kExamples;
    ASSERT_EQ(units, unit == AblationUnit::kNeuron ? size : one[0]);
    const Array y = layer_values(model, inputs, layer.name);
    const Array y0 = layer_values(model, baseline, layer.name);
    const Model edited = parse(with_mask(c.network.bytes, layer.name, one));
    for (std::int64_t n = 0; n < kExamples; ++n) {
      // All units of one example in one batch of the edited model.
      Shape shape = one;
      shape.insert(shape.begin(), units);
      Array mask(DType::f64, shape), offset(DType::f64, shape);
      std::ranges::fill(mask.as<double>(), 1.0);
      const Array x = example_of(inputs.at("x"), n);
      Shape batch = x.shape();
      batch[0] = units;
      Array repeated(DType::f64, batch);
      for (std::int64_t i = 0; i < repeated.size(); ++i) {
        repeated.as<double>()[static_cast<std::size_t>(i)] = x.at(i % x.size());
      }
      for (std::int64_t u = 0; u < units; ++u) {
        for (const std::int64_t e : elements_of(u, unit, one)) {
          const auto at = static_cast<std::size_t>(u * size + e);
          mask.as<double>()[at] = 0;
          double mean = 0;
          for (std::int64_t k = 0; k < kExamples; ++k) mean += y.at(k * size + e) / kExamples;
          offset.as<double>()[at] = replacement == Replacement::kZero   ? 0
                                    : replacement == Replacement::kMean ? mean
                                                                        : y0.at(e);
        }
      }
      const auto outputs = edited.run({{"x", repeated}, {"mask", mask}, {"offset", offset}});
      for (std::int64_t u = 0; u < units; ++u) {
        const double expected = result.f_input[static_cast<std::size_t>(n)] -
                                outputs.begin()->second.at(u * (outputs.begin()->second.size() / units) + 1);
        EXPECT_NEAR(result.layers[0].values.at(n * units + u), expected, 1e-11 * (1 + std::abs(expected)))
            << c.name << " layer " << layer.name << " example " << n << " unit " << u;
      }
    }
  }
}

TEST(Ablation, NeuronsAgreeWithAnEditedModel) {
  if (testing::kSanitized) GTEST_SKIP() << testing::kTooLong;
  for (const Case& c : cases()) expect_as_edited(c, AblationUnit::kNeuron, Replacement::kBaseline, 100);
}

TEST(Ablation, ChannelsAgreeWithAnEditedModel) {
  int next = 0;
  for (const Case& c : cases()) {
    const auto replacement = static_cast<Replacement>(next++ % 3);
    expect_as_edited(c, AblationUnit::kChannel, replacement, 400);
  }
}

void expect_close(const Array& a, const Array& b, double tolerance, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  double norm = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) norm = std::max(norm, std::abs(a.at(i)));
  for (std::int64_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a.at(i), b.at(i), tolerance * norm) << what << ' ' << i;
}

TEST(Ablation, IsTheSameForEveryMicroBatchAndNumberOfThreads) {
  for (const std::string& name : testing::golden_names()) {
    const testing::GoldenNetwork network = testing::load_golden(name);
    const Inputs inputs = network.group("input");
    Request request = network.request(Method::kAblation);
    const Result exact = attribute(Model::load(network.model, {.precision = Precision::kDouble}), inputs, request);
    for (const int threads : {1, 3}) {
      const Model model = Model::load(network.model, {.threads = threads});
      for (const std::int64_t micro_batch : {0, 1, 7}) {
        request.micro_batch = micro_batch;
        const Result result = attribute(model, inputs, request);
        for (std::size_t l = 0; l < result.layers.size(); ++l) {
          expect_close(exact.layers[l].values, result.layers[l].values, 2e-5, name + " " + result.layers[l].name);
        }
      }
    }
  }
}

TEST(Ablation, IsExactlyTheSameForEveryMicroBatchInDoublePrecision) {
  const RandomNetwork network = testing::random_network(NetworkKind::kCnn, 3);
  const Model model = parse(network.bytes);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, 5)}};
  Request request = ablate({}, AblationUnit::kChannel, Replacement::kMean);
  const Result all = attribute(model, inputs, request);
  for (const std::int64_t micro_batch : {1, 3, 50}) {
    request.micro_batch = micro_batch;
    const Result result = attribute(model, inputs, request);
    for (std::size_t l = 0; l < all.layers.size(); ++l) {
      for (std::int64_t i = 0; i < all.layers[l].values.size(); ++i) {
        ASSERT_EQ(all.layers[l].values.at(i), result.layers[l].values.at(i)) << all.layers[l].name;
      }
    }
  }
}

TEST(Ablation, OnAffineNetworksItIsGradientTimesActivationAndDeepLift) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const RandomNetwork network = testing::random_network(NetworkKind::kAffine, seed);
    const Model model = parse(network.bytes);
    const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, seed)}};
    Request request = ablate({}, AblationUnit::kNeuron, Replacement::kZero);
    const Result zero = attribute(model, inputs, request);
    request.ablation.replacement = Replacement::kBaseline;
    const Result baseline = attribute(model, inputs, request);
    request.method = Method::kGradientXActivation;
    const Result product = attribute(model, inputs, request);
    request.method = Method::kDeepLift;
    const Result deeplift = attribute(model, inputs, request);
    for (std::size_t l = 0; l < zero.layers.size(); ++l) {
      expect_close(product.layers[l].values, zero.layers[l].values, 1e-12, zero.layers[l].name);
      expect_close(deeplift.layers[l].values, baseline.layers[l].values, 1e-12, zero.layers[l].name);
    }
  }
}

TEST(Ablation, AtTheInputAndAtTheTargetItIsWhatTheEndsSay) {
  const RandomNetwork network = testing::random_network(NetworkKind::kReluMlp, 1);
  const Model model = parse(network.bytes);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, kExamples, 1)}};
  Request request = ablate({"x", "logits"}, AblationUnit::kNeuron, Replacement::kBaseline);
  std::vector<std::int64_t> everything;
  for (std::int64_t e = 0; e < network.input[0]; ++e) everything.push_back(e);
  const Result logits = attribute(model, inputs, request);
  for (std::int64_t n = 0; n < kExamples; ++n) {
    const auto e = static_cast<std::size_t>(n);
    for (std::int64_t i = 0; i < 5; ++i) {
      const double delta = i == 1 ? logits.f_input[e] - logits.f_baseline[e] : 0;
      EXPECT_NEAR(logits.layers[1].values.at(n * 5 + i), delta, 1e-12 * (1 + std::abs(delta)));
    }
  }
  request.layers = {"x"};
  request.ablation.groups = {everything, {0}};
  const Result groups = attribute(model, inputs, request);
  ASSERT_EQ(groups.layers[0].values.shape(), (Shape{kExamples, 2}));
  for (std::int64_t n = 0; n < kExamples; ++n) {
    const auto e = static_cast<std::size_t>(n);
    EXPECT_NEAR(groups.layers[0].values.at(n * 2), groups.f_input[e] - groups.f_baseline[e], 1e-12);
    EXPECT_EQ(groups.layers[0].values.at(n * 2 + 1), logits.layers[0].values.at(n * network.input[0]));
  }
}

TEST(Ablation, RefusesGroupsThatMakeNoSense) {
  const RandomNetwork network = testing::random_network(NetworkKind::kReluMlp, 1);
  const Model model = parse(network.bytes);
  const Inputs inputs = {{"x", testing::random_inputs(network.input, 1, 1)}};
  const auto refused = [&](const std::vector<std::vector<std::int64_t>>& groups, Method method) {
    Request request = ablate({"x"}, AblationUnit::kNeuron, Replacement::kZero);
    request.method = method;
    request.ablation.groups = groups;
    try {
      static_cast<void>(attribute(model, inputs, request));
      return std::string();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      return std::string(error.what());
    }
  };
  EXPECT_NE(refused({{0}, {}}, Method::kAblation).find("group 1 of layer 'x' is empty"), std::string::npos);
  EXPECT_NE(refused({{1, 1}}, Method::kAblation).find("twice"), std::string::npos);
  EXPECT_NE(refused({{1000}}, Method::kAblation).find("1000"), std::string::npos);
  EXPECT_NE(refused({{0}}, Method::kDeepLift).find("deeplift"), std::string::npos);
}

}  // namespace
}  // namespace mho
