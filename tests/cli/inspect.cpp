// Invariant: what a model is made of is told completely, to people and to machines.
#include "inspect.h"

#include <gtest/gtest.h>

#include "contains.h"
#include "json.h"
#include "ops.h"
#include "thrown.h"

namespace mho::cli {
namespace {

Inspection make_inspection() {
  Inspection inspection;
  inspection.producer = "pytorch 2.13";
  inspection.ir_version = 8;
  inspection.opset = 17;
  inspection.inputs = {{"image", "float", {-1, 1, 8, -1}, {"N", "", "", ""}}};
  inspection.outputs = {{"p", "float", {-1, 10}, {"N", ""}}};
  inspection.target = "logits";
  inspection.target_note = "logits: input of the final Softmax 'p'";
  inspection.batching = "points are packed";
  inspection.batched = true;
  inspection.layers = {{"conv1", "c", "Conv", {1, 16, 8, 8}, true, true, false}};
  return inspection;
}

TEST(Inspect, TellsPortsTargetBatchingAndLayers) {
  const std::string text = inspection_text(make_inspection(), "m.onnx");
  EXPECT_TRUE(contains(text, "image  float [N, 1, 8, ?]\n")) << text;
  EXPECT_TRUE(contains(text, "target    logits  (logits: input of the final Softmax 'p')\n")) << text;
  EXPECT_TRUE(contains(text, "batching  points are packed\n")) << text;
  EXPECT_TRUE(contains(text, "conv1  Conv      c     [1, 16, 8, 8]  cut  from input\n")) << text;
}

TEST(Inspect, JsonKeepsSymbolsOfExtents) {
  const auto document = to_json(make_inspection(), "m.onnx");
  EXPECT_EQ(document["inputs"][0]["shape"], nlohmann::json({"N", 1, 8, nullptr}));
  EXPECT_EQ(document["layers"][0]["cut"], true);
  EXPECT_EQ(document["layers"][0]["affine_from_input"], true);
  EXPECT_EQ(document["batching"], "points are packed");
}

TEST(Inspect, ShapesAreNamed) {
  EXPECT_EQ(parse_named_shape("x=1x3").second, (Shape{1, 3}));
  EXPECT_EQ(parse_named_shape("a=b=4").first, "a=b");
  EXPECT_EQ(parse_named_shape("rate=").second, Shape{});
  for (const char* bad : {"1x3", "=1x3", "x=1xq"}) {
    EXPECT_EQ(thrown_by([&] { (void)parse_named_shape(bad); }).code, Code::kInvalidArgument) << bad;
  }
}

TEST(Ops, TextMarkdownAndJsonHaveEveryRow) {
  const std::vector<OperatorRow> operators = {{"Abs", 6, 6, "yes", "rescale"},
                                              {"com.microsoft:Gelu", 1, 0, "none", ""}};
  const std::vector<PrimitiveRow> primitives = {{"add, sub", "yes", "linear"}};
  const std::string text = operators_text(operators, primitives);
  EXPECT_TRUE(contains(text, "Abs                 6+      yes       rescale            6\n")) << text;
  EXPECT_TRUE(contains(text, "2 operators\n") && contains(text, "add, sub\n")) << text;
  const std::string markdown = operators_markdown(operators, primitives);
  EXPECT_TRUE(contains(markdown, "| com.microsoft:Gelu | 1+ | none | nothing moves | 0 |\n")) << markdown;
  EXPECT_TRUE(contains(markdown, "| add, sub | yes | linear |\n")) << markdown;
  EXPECT_EQ(to_json(operators, primitives)["operators"][1]["since"], 1);
}

}  // namespace
}  // namespace mho::cli
