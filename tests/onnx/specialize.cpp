// Invariant: for given shapes all shape arithmetic folds, fixed inputs become constants, batch_scale widens only the
// batch, and what does not fit is an error that names node and shapes.
#include <fmt/format.h>

#include <functional>
#include <limits>

#include "onnx/loading.h"
#include "support/operator_models.h"

namespace mho::onnx {
namespace {

using testing::NodeHandle;

Shape output_shape(const graph::Graph& graph) { return graph.value(graph.outputs()[0]).type.shape; }

/// Flattens all but the batch, the way exporters write it: Shape, Gather, Concat with -1, Reshape.
ModelBuilder flatten_by_shape() {
  ModelBuilder model(13);
  model.input("x", {"N", 3, std::monostate{}}).output("y");
  model.integers("zero", {1}, {0}).integers("rest", {1}, {-1});
  model.node("Shape", {"x"}, {"shape"});
  model.node("Gather", {"shape", "zero"}, {"batch"});
  model.node("Concat", {"batch", "rest"}, {"target"}).with("axis", 0);
  model.node("Reshape", {"x", "target"}, {"y"});
  return model;
}

TEST(OnnxSpecialize, ShapeArithmeticFoldsForEveryShape) {
  for (const Shape& x : {Shape{1, 3, 4}, Shape{5, 3, 7}}) {
    const graph::Graph graph = lower(flatten_by_shape(), {{"x", x}});
    ASSERT_EQ(graph.nodes().size(), 1U) << graph.dump();
    EXPECT_EQ(output_shape(graph), (Shape{x[0], 3 * x[2]}));
  }
}

TEST(OnnxSpecialize, OneModelServesManyShapes) {
  const Model model = load(flatten_by_shape());
  Model::Specialization specialization;
  for (const std::int64_t batch : {1, 2, 9}) {
    specialization.input_shapes["x"] = {batch, 3, 2};
    EXPECT_EQ(output_shape(model.specialize(specialization)), (Shape{batch, 6}));
  }
}

TEST(OnnxSpecialize, ArithmeticOnExtentsIsExact) {
  // The spatial extents doubled for a Resize, as exporters write Upsample.
  ModelBuilder model(13);
  model.input("x", {1, 2, "H", "W"}).output("y");
  model.integers("two", {1}, {2}).integers("four", {1}, {4}).integers("channels", {2}, {1, 2});
  model.node("Shape", {"x"}, {"shape"});
  model.node("Slice", {"shape", "two", "four"}, {"extents"});
  model.node("Cast", {"extents"}, {"real"}).with("to", int{TensorProto::FLOAT});
  model.floats("factor", {}, {2});
  model.node("Mul", {"real", "factor"}, {"doubled"});
  model.node("Floor", {"doubled"}, {"floored"});
  model.node("Cast", {"floored"}, {"integers"}).with("to", int{TensorProto::INT64});
  model.node("Concat", {"channels", "integers"}, {"sizes"}).with("axis", 0);
  model.node("Resize", {"x", "", "", "sizes"}, {"y"}).with("mode", "nearest");
  EXPECT_EQ(output_shape(lower(model, {{"x", {1, 2, 3, 5}}})), (Shape{1, 2, 6, 10}));
}

TEST(OnnxSpecialize, ConstantsComputeInDoubleAndKeepWhatFloatCannotHold) {
  ModelBuilder model;
  model.floats("a", {1}, {1}).floats("b", {1}, {3}).output("y").output("z");
  model.node("Div", {"a", "b"}, {"y"});
  model.node("Add", {"a", "b"}, {"z"});
  const graph::Graph graph = lower(model);
  const auto& third = *graph.value(graph.outputs()[0]).constant;
  ASSERT_EQ(third.type.dtype, DType::f64);
  EXPECT_EQ(third.as<double>()[0], 1.0 / 3.0);
  EXPECT_EQ(graph.value(graph.outputs()[1]).constant->type.dtype, DType::f32);
}

TEST(OnnxSpecialize, FoldedIntegersBeyondTheirRangeAreDefined) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  ModelBuilder model(13);
  model.integers("m", {2}, {kMost, kMost}).integers("two", {1}, {2}).output("mean").output("product");
  model.integers("start", {}, {-kMost}).integers("limit", {}, {kMost}).integers("delta", {}, {kMost / 8});
  model.output("range");
  model.node("ReduceMean", {"m"}, {"mean"}).with("keepdims", 0);
  model.node("Mul", {"m", "two"}, {"product"});
  model.node("Range", {"start", "limit", "delta"}, {"range"});
  const graph::Graph graph = lower(model);
  // A mean computed in double saturates; integer arithmetic wraps, as in NumPy.
  EXPECT_EQ(graph.value(graph.outputs()[0]).constant->as<std::int64_t>()[0], kMost);
  EXPECT_EQ(graph.value(graph.outputs()[1]).constant->as<std::int64_t>()[0], -2);
  EXPECT_EQ(graph.value(graph.outputs()[2]).constant->as<std::int64_t>()[1], -kMost + kMost / 8);
}

// Lines without elements: nothing is read, and their number costs no time.
TEST(OnnxSpecialize, FoldingWithoutElementsIsQuick) {
  const Shape long_and_empty{std::int64_t{1} << 32, 0};
  for (const char* type : {"Softmax", "Trilu", "EyeLike", "Relu", "CumSum"}) {
    ModelBuilder model(14);
    model.floats("e", long_and_empty, {}).integers("axis", {}, {1}).output("y");
    NodeHandle node = model.node(type, {"e"}, {"y"});
    if (std::string(type) == "CumSum") node.proto().add_input("axis");
    EXPECT_EQ(output_shape(lower(model)), long_and_empty) << type;
  }
}

TEST(OnnxSpecialize, FixedInputsAreFolded) {
  ModelBuilder model(13);
  model.input("x", {"N", 4}).input("rate", {1}, TensorProto::INT64).output("y");
  model.integers("four", {1}, {4});
  model.node("Div", {"four", "rate"}, {"columns"});
  model.integers("rest", {1}, {-1});
  model.node("Concat", {"rest", "columns"}, {"target"}).with("axis", 0);
  model.node("Reshape", {"x", "target"}, {"y"}).named("reshape");
  const Model loaded = load(model);
  Model::Specialization specialization;
  specialization.input_shapes["x"] = {3, 4};
  specialization.fixed_inputs["rate"] = kernels::Constant::from(Array(Shape{1}, std::vector<std::int64_t>{2}));
  const graph::Graph graph = loaded.specialize(specialization);
  ASSERT_EQ(graph.inputs().size(), 1U);
  EXPECT_EQ(output_shape(graph), (Shape{6, 2}));

  // Left open, the target shape depends on data.
  specialization.fixed_inputs.clear();
  specialization.input_shapes["rate"] = {1};
  expect_failure(failure_of([&] { static_cast<void>(loaded.specialize(specialization)); }), Code::kUnsupported,
                 {"Reshape node 'reshape'", "shape", "must be a constant or follow from shapes"});
}

TEST(OnnxSpecialize, BatchScaleWidensConstantReshapes) {
  const auto reshaped = [](const std::vector<std::int64_t>& target, std::int64_t batch, std::int64_t scale) {
    ModelBuilder model;
    model.input("x", {1, 4, 3}).integers("target", {static_cast<std::int64_t>(target.size())}, target).output("y");
    model.node("Reshape", {"x", "target"}, {"y"}).named("reshape");
    Model::Specialization specialization;
    specialization.input_shapes["x"] = {batch, 4, 3};
    specialization.batch_scale = scale;
    return output_shape(load(model).specialize(specialization));
  };
  EXPECT_EQ(reshaped({1, 12}, 5, 5), (Shape{5, 12}));
  EXPECT_EQ(reshaped({1, -1}, 5, 5), (Shape{5, 12}));
  EXPECT_EQ(reshaped({-1, 12}, 5, 5), (Shape{5, 12}));
  EXPECT_EQ(reshaped({0, 12}, 5, 5), (Shape{5, 12}));
  // Without the scale a constant target means what it says.
  expect_failure(failure_of([&] {
                   reshaped({1, 12}, 5, 1);
                 }),
                 Code::kInvalidModel, {"Reshape node 'reshape'", "[5, 4, 3]", "[1, 12]"});
  EXPECT_EQ(reshaped({1, -1}, 5, 1), (Shape{1, 60}));
}

TEST(OnnxSpecialize, ShapesThatAreMissingOrDoNotFitAreNamed) {
  expect_failure(lower_failure(flatten_by_shape()), Code::kInvalidArgument, {"'x'", "must be given"});
  expect_failure(lower_failure(flatten_by_shape(), {{"x", {1, 3}}}), Code::kInvalidArgument, {"'x'", "rank 3"});
  expect_failure(lower_failure(flatten_by_shape(), {{"x", {1, 3, -4}}}), Code::kInvalidArgument, {"'x'", "-4"});
  expect_failure(lower_failure(flatten_by_shape(), {{"x", {std::int64_t{1} << 40, 3, 1}}}), Code::kLimit,
                 {"'x'", "limit"});
  ModelBuilder model;
  model.input("x", {2, 3}).floats("w", {4}, {1, 2, 3, 4}).output("y");
  model.node("Add", {"x", "w"}, {"y"}).named("sum");
  expect_failure(lower_failure(model), Code::kInvalidModel, {"Add node 'sum'", "[2, 3]", "[4]"});
}

TEST(OnnxSpecialize, ConstantsThatGrowWithoutBoundAreRefused) {
  const auto grown = [](int nodes) {
    ModelBuilder model;
    model.integers("shape", {2}, {1 << 10, 1 << 10}).output("y");
    model.node("ConstantOfShape", {"shape"}, {"t0"});
    for (int i = 0; i < nodes; ++i) {
      model.node("Concat", {fmt::format("t{}", i), fmt::format("t{}", i)}, {fmt::format("t{}", i + 1)}).with("axis", 0);
    }
    model.node("Identity", {fmt::format("t{}", nodes)}, {"y"});
    return model;
  };
  Limits limits;
  limits.tensor_elements = 1 << 22;
  EXPECT_EQ(output_shape(lower(grown(2), {}, limits)), (Shape{1 << 12, 1 << 10}));
  expect_failure(lower_failure(grown(3), {}, limits), Code::kLimit, {"Concat node 't3'", "elements"});
  limits = {};
  limits.constant_elements = 1 << 22;
  expect_failure(lower_failure(grown(2), {}, limits), Code::kLimit, {"Concat node 't2'", "together", "constants"});
}

TEST(OnnxSpecialize, ATensorWithoutElementsCannotHideAbsurdExtents) {
  ModelBuilder model;
  const std::int64_t huge = std::int64_t{1} << 40;
  model.input("x", {0, huge, 1}).output("y");
  model.node("Flatten", {"x"}, {"y"});
  expect_failure(lower_failure(model), Code::kLimit, {"'x'", "1099511627776", "limit"});
}

// Attributes near the ends of int64: refused before anything is computed with them.
TEST(OnnxSpecialize, AbsurdAttributesAreRefused) {
  using Ints = std::vector<std::int64_t>;
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto refused = [](const char* type, const std::function<void(ModelBuilder&, NodeHandle&)>& change) {
    ModelBuilder model(9);
    model.input("x", {1, 2, 6, 6}).floats("w", {2, 2, 2, 2}, std::vector<float>(16, 1)).output("y");
    const bool weights = std::string(type).starts_with("Conv");
    NodeHandle node =
        model.node(type, weights ? std::vector<std::string>{"x", "w"} : std::vector<std::string>{"x"}, {"y"});
    change(model, node);
    const Failure failure = lower_failure(model);
    EXPECT_NE(failure.code, Code::kInternal) << failure.message;
    EXPECT_NE(failure.message.find(type), std::string::npos) << failure.message;
  };
  for (const std::int64_t absurd : {kMost - 1, kMost, kLeast}) {
    for (const char* padding : {"NOTSET", "SAME_UPPER"}) {
      for (const char* type : {"MaxPool", "AveragePool"}) {
        refused(type, [&](ModelBuilder&, NodeHandle& node) {
          node.with("kernel_shape", Ints{2, absurd}).with("dilations", Ints{1, 91}).with("auto_pad", padding);
        });
      }
      for (const char* name : {"strides", "dilations"}) {
        refused("Conv", [&](ModelBuilder&, NodeHandle& node) {
          node.with(name, Ints{absurd, 1}).with("auto_pad", padding);
        });
      }
    }
    refused("Conv", [&](ModelBuilder&, NodeHandle& node) { node.with("pads", Ints{absurd, 1, 1, 1}); });
    refused("Conv", [&](ModelBuilder&, NodeHandle& node) { node.with("group", absurd); });
    refused("ConvTranspose", [&](ModelBuilder&, NodeHandle& node) { node.with("output_padding", Ints{absurd, 0}); });
    refused("ConvTranspose", [&](ModelBuilder&, NodeHandle& node) { node.with("output_shape", Ints{absurd, 7}); });
    refused("Pad", [&](ModelBuilder&, NodeHandle& node) { node.with("pads", Ints{0, 0, absurd, 0, 0, 0, 0, 0}); });
    refused("Pad", [&](ModelBuilder&, NodeHandle& node) {
      node.with("pads", Ints{0, 0, 1, 0, 0, 0, std::int64_t{1} << 28, 0}).with("mode", "reflect");
    });
    refused("DepthToSpace", [&](ModelBuilder&, NodeHandle& node) { node.with("blocksize", absurd); });
    refused("LRN", [&](ModelBuilder&, NodeHandle& node) { node.with("size", absurd); });
    refused("Flatten", [&](ModelBuilder&, NodeHandle& node) { node.with("axis", absurd); });
    refused("Softmax", [&](ModelBuilder&, NodeHandle& node) { node.with("axis", absurd); });
    refused("Split", [&](ModelBuilder&, NodeHandle& node) { node.with("split", Ints{absurd}); });
    refused("Transpose", [&](ModelBuilder&, NodeHandle& node) { node.with("perm", Ints{0, 1, 2, absurd}); });
    refused("Tile", [&](ModelBuilder& model, NodeHandle& node) {
      model.integers("repeats", {4}, {1, 1, 1, absurd});
      node.proto().add_input("repeats");
    });
    refused("Expand", [&](ModelBuilder& model, NodeHandle& node) {
      model.integers("shape", {5}, {absurd, 1, 1, 1, 1});
      node.proto().add_input("shape");
    });
    refused("Reshape", [&](ModelBuilder& model, NodeHandle& node) {
      model.integers("shape", {2}, {absurd, 2});
      node.proto().add_input("shape");
    });
  }
}

TEST(OnnxSpecialize, ConstantsThatTakeForeverAreRefused) {
  ModelBuilder model;
  model.integers("shape", {2}, {1 << 13, 1 << 13}).output("y");
  model.node("ConstantOfShape", {"shape"}, {"big"});
  model.node("MatMul", {"big", "big"}, {"y"}).named("product");
  expect_failure(lower_failure(model), Code::kLimit, {"MatMul node 'product'", "steps", "--max-work"});
}

}  // namespace
}  // namespace mho::onnx
