// Where paths begin: at embeddings, at the tensors of Request::at, never at masks; what all examples share may steer
// the network; a graph's nodes are one example.
#include <gtest/gtest.h>
#include <mho/attribution.h>

#include <cmath>

#include "support/onnx_builder.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::ModelBuilder;

Model parse(const ModelBuilder& builder, ModelOptions options = {.precision = Precision::kDouble}) {
  const std::string bytes = builder.serialized();
  return Model::parse(std::as_bytes(std::span(bytes)), {}, options);
}

std::vector<float> numbers(std::int64_t count, unsigned seed) {
  const Array values = testing::random_inputs({count}, 1, seed);
  return {values.as<float>().begin(), values.as<float>().end()};
}

/// Attention without queries: y = sum_t softmax_t(e_t w - 1e4 (1 - mask_t)) tanh(e_t) V, e = table[ids] + kinds[kind].
ModelBuilder masked_text_model() {
  ModelBuilder builder;
  builder.input("ids", {std::string("N"), std::int64_t{4}}, ::onnx::TensorProto::INT64);
  builder.input("mask", {std::string("N"), std::int64_t{4}}, ::onnx::TensorProto::INT64);
  builder.floats("table", {9, 3}, numbers(27, 1)).floats("w", {3, 1}, numbers(3, 2)).floats("v", {3, 2}, numbers(6, 3));
  builder.floats("one", {}, {1}).floats("much", {}, {10000}).integers("last", {1}, {2}).integers("first", {1}, {1});
  builder.node("Gather", {"table", "ids"}, {"embedded"});
  builder.node("Cast", {"mask"}, {"mask_f"}).with("to", 1);
  builder.node("Sub", {"one", "mask_f"}, {"hidden"});
  builder.node("Mul", {"hidden", "much"}, {"penalty"});
  builder.node("Unsqueeze", {"penalty", "last"}, {"penalties"});
  builder.node("MatMul", {"embedded", "w"}, {"scores"});
  builder.node("Sub", {"scores", "penalties"}, {"masked"});
  builder.node("Softmax", {"masked"}, {"weights"}).with("axis", 1);
  builder.node("Tanh", {"embedded"}, {"tanh"});
  builder.node("Mul", {"weights", "tanh"}, {"weighted"});
  builder.node("ReduceSum", {"weighted", "first"}, {"sum"}).with("keepdims", 0);
  builder.node("MatMul", {"sum", "v"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{2}});
  return builder;
}

Inputs text_inputs() {
  return {{"ids", Array(Shape{2, 4}, std::vector<std::int64_t>{1, 2, 3, 0, 8, 7, 0, 0})},
          {"mask", Array(Shape{2, 4}, std::vector<std::int64_t>{1, 1, 1, 0, 1, 1, 0, 0})}};
}

Request fine(Method method) {
  Request request;
  request.method = method;
  request.layers = {"embedded"};
  if (method == Method::kNig) {
    request.tolerance = 1e-6;
    request.max_steps = 8192;
  }
  return request;
}

class TextModels : public ::testing::TestWithParam<Method> {};

TEST_P(TextModels, MoveTheirEmbeddingsAndKeepTheirMask) {
  const Model model = parse(masked_text_model());
  const Result result = attribute(model, text_inputs(), fine(GetParam()));
  // F(x'): all tokens 0, under the mask of x.
  Inputs baseline = text_inputs();
  baseline["ids"] = Array(Shape{2, 4}, std::vector<std::int64_t>(8, 0));
  const Array at_baseline = model.run(baseline).at("y");
  for (std::size_t n = 0; n < 2; ++n) {
    EXPECT_NEAR(result.f_baseline[n], at_baseline.at(static_cast<std::int64_t>(2 * n) + result.target[n]), 1e-12);
    EXPECT_NEAR(result.layers[0].residual[n], 0, 1e-5);
    // Tokens under the mask have no influence.
    const std::int64_t hidden = n == 0 ? 3 : 2;
    for (std::int64_t k = hidden * 3; k < 12; ++k) {
      EXPECT_EQ(result.layers[0].values.at(static_cast<std::int64_t>(n) * 12 + k), 0);
    }
  }
}

TEST_P(TextModels, MayBeginAtANamedTensorWithABaselineOfItsOwn) {
  const Model model = parse(masked_text_model());
  Request request = fine(GetParam());
  request.at = {"tanh"};
  request.layers = {"tanh"};
  request.baseline = Inputs{{"tanh", Array(Shape{}, std::vector<double>{0})}};
  const Result result = attribute(model, text_inputs(), request);
  for (std::size_t n = 0; n < 2; ++n) {
    EXPECT_EQ(result.f_baseline[n], 0) << "tanh = 0 leaves nothing, whatever the attention weights";
    EXPECT_NEAR(result.layers[0].residual[n], 0, 1e-12) << "and F is linear in tanh alone";
  }
}

/// More examples than are led through the prefix at once: those that are left over run beside slots that nobody fills.
TEST_P(TextModels, GiveEachOfManyExamplesWhatItGetsAlone) {
  const Model model = parse(masked_text_model());
  constexpr std::int64_t kCount = 70;
  std::vector<std::int64_t> ids, mask;
  for (std::int64_t i = 0; i < 4 * kCount; ++i) ids.push_back(i * i % 9);
  for (std::int64_t i = 0; i < 4 * kCount; ++i) mask.push_back(i % 4 < 1 + i / 4 % 4 ? 1 : 0);
  const Inputs many{{"ids", Array(Shape{kCount, 4}, ids)}, {"mask", Array(Shape{kCount, 4}, mask)}};
  Request request = fine(GetParam());
  request.tolerance = 1e-3;
  const Result together = attribute(model, many, request);
  for (const std::int64_t n : {0, 63, 69}) {
    const auto row = [&](const std::vector<std::int64_t>& from) {
      return Array(Shape{1, 4}, std::vector<std::int64_t>(from.begin() + 4 * n, from.begin() + 4 * n + 4));
    };
    const Result alone = attribute(model, Inputs{{"ids", row(ids)}, {"mask", row(mask)}}, request);
    for (std::int64_t k = 0; k < 12; ++k) {
      EXPECT_NEAR(together.layers[0].values.at(12 * n + k), alone.layers[0].values.at(k), 1e-12) << n << ", " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, TextModels, ::testing::Values(Method::kNig, Method::kDeepLift),
                         [](const auto& method) { return std::string(to_string(method.param)); });

std::string message_of(const Model& model, const Request& request) {
  try {
    static_cast<void>(attribute(model, text_inputs(), request));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(PathBeginnings, ThatMakeNoSenseAreRefused) {
  const Model model = parse(masked_text_model());
  Request request;
  request.at = {"nowhere"};
  EXPECT_NE(message_of(model, request).find("no tensor 'nowhere'"), std::string::npos);
  request.at = {"ids"};
  EXPECT_NE(message_of(model, request).find("integers"), std::string::npos);
  request.at = {"table"};
  EXPECT_NE(message_of(model, request).find("does not depend"), std::string::npos);
  request.at = {"embedded", "tanh"};
  EXPECT_NE(message_of(model, request).find("depends on it"), std::string::npos);
  request.at = {"tanh"};
  request.baseline = Inputs{{"tanh", Array(Shape{5}, std::vector<double>(5, 0))}};
  EXPECT_NE(message_of(model, request).find("shape [5]"), std::string::npos);
  request.baseline = Inputs{{"mask", Array(Shape{1, 4}, std::vector<std::int64_t>(4, 0))},
                            {"ids", Array(Shape{1, 4}, std::vector<std::int64_t>(4, 0))}};
  EXPECT_NE(message_of(model, request).find("'mask', where no path begins"), std::string::npos);
}

TEST(PathBeginnings, AreToldByInspect) {
  const Model model = parse(masked_text_model());
  EXPECT_EQ(model.inspect().path, std::vector<std::string>{"embedded"});
  InspectOptions options;
  options.at = {"tanh"};
  EXPECT_EQ(model.inspect(options).path, std::vector<std::string>{"tanh"});
}

TEST(GradientStops, AreToldByInspect) {
  ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{3}});
  builder.floats("zero", {}, {0}).floats("table", {3, 2}, numbers(6, 1));
  builder.node("ArgMax", {"x"}, {"best"}).named("argmax").with("axis", 1).with("keepdims", 0);
  builder.node("Gather", {"table", "best"}, {"looked_up"});
  builder.node("Floor", {"x"}, {"steps"}).named("floor");
  builder.node("Greater", {"x", "zero"}, {"unused"}).named("unused");
  builder.node("ReduceSum", {"steps"}, {"total"}).with("keepdims", 0);
  builder.node("Add", {"looked_up", "total"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{2}});
  const Inspection facts = parse(builder).inspect();
  std::vector<std::string> stops;
  for (const GradientStop& stop : facts.gradient_stops) stops.push_back(stop.op + " " + stop.node + " " + stop.reason);
  EXPECT_EQ(stops, (std::vector<std::string>{"ArgMax argmax makes integers: no gradient",
                                             "Floor floor is a step, with gradient 0"}));
}

/// y = x, or tanh(x) where the shared flag says so.
ModelBuilder model_with_a_shared_flag() {
  const auto branch = [](const char* type, const char* y) {
    ModelBuilder body(0);
    body.output(y);
    // Only a constant condition can choose between branches of different shapes.
    body.integers(std::string("axes_") + y, {1}, {1});
    if (std::string(type) == "Tanh") {
      body.node("Tanh", {"x"}, {y});
    } else {
      body.node("ReduceSum", {"x", std::string("axes_") + y}, {y});
    }
    return body.proto().graph();
  };
  ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{3}}).input("flag", {}, ::onnx::TensorProto::BOOL);
  builder.node("If", {"flag"}, {"y"}).with("then_branch", branch("Tanh", "a")).with("else_branch", branch("Sum", "b"));
  builder.output("y");
  return builder;
}

TEST(SharedIntegers, MayChooseBranches) {
  const Model model = parse(model_with_a_shared_flag());
  const Array x = testing::random_inputs({3}, 2, 7);
  for (const bool flag : {true, false, true}) {
    Array chosen(DType::b8, {});
    chosen.as<bool>()[0] = flag;
    const Inputs inputs = {{"x", x}, {"flag", chosen}};
    const Array y = model.run(inputs).at("y");
    EXPECT_EQ(y.size(), flag ? 6 : 2);
    if (flag) {
      EXPECT_NEAR(y.at(4), std::tanh(x.at(4)), 1e-7);
    }
    Request request;
    request.method = Method::kIg;
    request.target = IndexTarget{{{0}}};
    const Result result = attribute(model, inputs, request);
    EXPECT_NEAR(result.layers[0].values.at(1), flag ? 0 : x.at(1), 1e-6);
  }
}

TEST(OneExample, KeepsLeadingAxesTogether) {
  // Each node's new value is the sum of its own and that of the node it points to: y = sum of all.
  ModelBuilder builder;
  builder.input("x", {std::string("nodes"), std::int64_t{2}});
  builder.input("to", {std::string("edges")}, ::onnx::TensorProto::INT64);
  builder.integers("axis", {1}, {0});
  builder.node("Gather", {"x", "to"}, {"neighbours"});
  builder.node("Mul", {"neighbours", "x"}, {"messages"});
  builder.node("ReduceSum", {"messages", "axis"}, {"y"}).with("keepdims", 0);
  builder.output("y", {std::int64_t{2}});
  const Array x = testing::random_inputs({2}, 3, 9);
  const Inputs inputs = {{"x", x}, {"to", Array(Shape{3}, std::vector<std::int64_t>{2, 0, 1})}};
  const Model model = parse(builder, {.precision = Precision::kDouble, .one_example = true});
  Request request;
  request.layers = {"messages"};
  request.target = IndexTarget{{{1}}};
  const Result result = attribute(model, inputs, request);
  ASSERT_EQ(result.layers[0].values.shape(), (Shape{1, 3, 2}));
  EXPECT_NEAR(result.layers[0].residual[0], 0, 1e-12);
  EXPECT_NEAR(result.layers[0].values.at(1), x.at(1) * x.at(5), 1e-12);
}

}  // namespace
}  // namespace mho
