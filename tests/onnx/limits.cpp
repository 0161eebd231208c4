// Invariant: every limit refuses what exceeds it, says what is needed and how it is raised, and lets pass what is
// below.
#include <fmt/format.h>

#include "onnx/decoded_size.h"
#include "onnx/loading.h"

namespace mho::onnx {
namespace {

::onnx::GraphProto graph_of(ModelBuilder model) { return *model.proto().mutable_graph(); }

/// y = x through `depth` branches in each other, each with a condition that is known.
ModelBuilder nested(int depth) {
  ModelBuilder inner(0);
  inner.output("r0");
  inner.node("Relu", {"x"}, {"r0"});
  for (int level = 1; level <= depth; ++level) {
    const std::string name = fmt::format("r{}", level);
    ModelBuilder outer(level == depth ? 17 : 0);
    if (level == depth)
      outer.input("x", {2}).initializer(testing::raw_tensor<char>("true", TensorProto::BOOL, {}, {1}));
    outer.output(name);
    const ::onnx::GraphProto branch = graph_of(std::move(inner));
    outer.node("If", {"true"}, {name}).with("then_branch", branch).with("else_branch", branch);
    inner = std::move(outer);
  }
  return inner;
}

TEST(OnnxLimits, Nesting) {
  // Both branches hold all levels below, so the file doubles with each.
  EXPECT_EQ(lower(nested(4), {}, {.nesting = 4}).nodes().size(), 1U);
  expect_failure(lower_failure(nested(4), {}, {.nesting = 3}), Code::kLimit, {"nest", "limit of 3", "--max-nesting"});
}

TEST(OnnxLimits, NestingIsSeenBeforeAnythingIsDecoded) {
  // 3,000 graphs in each other, by hand: the decoder would go as deep.
  std::string bytes;
  const auto wrap = [&](int field) {
    std::string head(1, static_cast<char>(field << 3 | 2));
    for (std::size_t n = bytes.size(); true; n >>= 7) {
      head.push_back(static_cast<char>((n & 0x7F) | (n > 0x7F ? 0x80 : 0)));
      if (n <= 0x7F) break;
    }
    bytes = head + bytes;
  };
  for (int level = 0; level < 3000; ++level) {
    wrap(1);  // GraphProto.node
    wrap(6);  // AttributeProto.g
    wrap(5);  // NodeProto.attribute
  }
  wrap(1);
  wrap(7);  // ModelProto.graph
  expect_failure(failure_of([&] { static_cast<void>(load(bytes)); }), Code::kLimit,
                 {"65 deep or more", "limit of 64", "--max-nesting"});
}

TEST(OnnxLimits, NestingOfFunctions) {
  ModelBuilder model;
  model.import("own", 1).input("x", {2}).output("y");
  model.node("f0", {"x"}, {"y"}).in_domain("own");
  for (int i = 0; i < 6; ++i) {
    auto& function = *model.proto().add_functions();
    function.set_name(fmt::format("f{}", i));
    function.set_domain("own");
    function.add_input("a");
    function.add_output("b");
    for (const auto& import : model.proto().opset_import()) *function.add_opset_import() = import;
    auto& node = *function.add_node();
    node.set_op_type(i == 5 ? "Relu" : fmt::format("f{}", i + 1));
    node.set_domain(i == 5 ? "" : "own");
    node.add_input("a");
    node.add_output("b");
  }
  EXPECT_EQ(lower(model, {}, {.nesting = 6}).nodes().size(), 1U);
  expect_failure(lower_failure(model, {}, {.nesting = 5}), Code::kLimit, {"limit of 5", "--max-nesting"});
}

TEST(OnnxLimits, ElementsOfATensor) {
  ModelBuilder model;
  model.input("x", {2, 3}).output("y").node("Relu", {"x"}, {"y"});
  EXPECT_NO_THROW(static_cast<void>(lower(model, {}, {.tensor_elements = 6})));
  expect_failure(lower_failure(model, {}, {.tensor_elements = 5}), Code::kLimit,
                 {"'x'", "6 elements", "limit of 5", "--max-tensor", "tensor_elements"});
}

TEST(OnnxLimits, AxesOfATensor) {
  ModelBuilder model;
  model.input("x", std::vector<testing::Extent>(65, std::int64_t{1})).output("y").node("Relu", {"x"}, {"y"});
  expect_failure(lower_failure(model), Code::kLimit, {"'x'", "65 axes", "64"});
}

/// Relu of `count` integers' sum: constants of that size.
ModelBuilder computing(std::int64_t count) {
  ModelBuilder model;
  model.integers("shape", {1}, {count}).input("x", {1}).output("y");
  model.node("ConstantOfShape", {"shape"}, {"zeros"});
  model.node("ReduceMax", {"zeros"}, {"most"}).with("keepdims", 0);
  model.node("Add", {"x", "most"}, {"y"});
  return model;
}

TEST(OnnxLimits, ElementsOfComputedConstants) {
  EXPECT_NO_THROW(static_cast<void>(lower(computing(1000), {}, {.constant_elements = 2000})));
  expect_failure(lower_failure(computing(1000), {}, {.constant_elements = 900}), Code::kLimit,
                 {"limit of 900", "--max-constants"});
}

TEST(OnnxLimits, WorkOnConstants) {
  EXPECT_NO_THROW(static_cast<void>(lower(computing(1000), {}, {.work = 10'000})));
  expect_failure(lower_failure(computing(1000), {}, {.work = 1500}), Code::kLimit,
                 {"ReduceMax node 'most'", "steps", "limit of 1500", "--max-work"});
}

TEST(OnnxLimits, ReadingALargeConstantAgainAndAgainIsWork) {
  // One element is taken from a large table in every run of a loop: the table is converted as a whole each time.
  ModelBuilder body(0);
  body.input("k", {}, TensorProto::INT64).input("c", {}, TensorProto::BOOL).input("h", {1});
  body.output("c").output("next");
  body.node("Gather", {"table", "k"}, {"one"}).with("axis", 0);
  body.node("Add", {"h", "one"}, {"next"});
  ModelBuilder model;
  model.input("x", {1}).output("y").integers("trips", {}, {1000}).floats("table", {10'000}, std::vector<float>(10'000));
  model.node("Loop", {"trips", "", "x"}, {"y"}).with("body", graph_of(std::move(body)));
  expect_failure(lower_failure(model, {}, {.work = 1'000'000}), Code::kLimit, {"--max-work"});
  EXPECT_NO_THROW(static_cast<void>(lower(model, {}, {.work = 20'000'000})));
}

TEST(OnnxLimits, LongNamesInLoopsAreWork) {
  ModelBuilder body(0);
  const std::string name(100'000, 'n');
  body.input("k", {}, TensorProto::INT64).input("c", {}, TensorProto::BOOL).input("h", {1});
  body.output("c").output(name);
  body.node("Relu", {"h"}, {name});
  ModelBuilder model;
  model.input("x", {1}).output("y").integers("trips", {}, {100'000});
  model.node("Loop", {"trips", "", "x"}, {"y"}).with("body", graph_of(std::move(body)));
  expect_failure(lower_failure(model, {}, {.work = 50'000'000}), Code::kLimit, {"--max-work"});
}

// Lists that lowerings write are counted before they are written: these would take 32 GiB and more.
TEST(OnnxLimits, ListsAreCountedBeforeTheyAreWritten) {
  constexpr std::int64_t kLong = std::int64_t{1} << 32;
  ModelBuilder frames;
  frames.input("x", {1, kLong, 1}).integers("step", {}, {1}).integers("length", {}, {2}).output("y");
  frames.node("STFT", {"x", "step", "", "length"}, {"y"});
  expect_failure(lower_failure(frames), Code::kLimit, {"STFT node 'y'", "a list of", "--max-constants"});

  ModelBuilder scatter;
  scatter.input("x", {kLong}).input("updates", {1}).input("at", {1, 1}, TensorProto::INT64).output("y");
  scatter.node("ScatterND", {"x", "at", "updates"}, {"y"});
  expect_failure(lower_failure(scatter), Code::kLimit, {"ScatterND node 'y'", "a list of", "--max-constants"});
}

// Without channels nothing bounds the number of places, here 2^52, for which there is no tensor.
TEST(OnnxLimits, PlacesOfAnEmptyImageAreCountedBeforeTheyAreWritten) {
  constexpr std::int64_t kHalf = std::int64_t{1} << 13;
  ModelBuilder model(18);
  model.input("x", {1, 0, kHalf * kHalf}).output("y");
  model.integers("image", {2}, {2 * kHalf - 1, 2 * kHalf - 1}).integers("block", {2}, {kHalf, kHalf});
  model.node("Col2Im", {"x", "image", "block"}, {"y"});
  expect_failure(lower_failure(model), Code::kLimit, {"Col2Im node 'y'", "a list of", "--max-constants"});
}

// Dilated windows may step over x, so those in the padding are looked at one by one; not sixteen million of them.
TEST(OnnxLimits, WindowsInThePaddingAreNotWalkedForever) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  ModelBuilder model;
  model.input("x", {1, 1, kMost - 1}).output("y");
  model.node("MaxPool", {"x"}, {"y"})
      .with("kernel_shape", std::vector<std::int64_t>{2})
      .with("dilations", std::vector<std::int64_t>{kMost})
      .with("pads", std::vector<std::int64_t>{kMost - 2, kMost});
  expect_failure(lower_failure(model), Code::kLimit, {"MaxPool node 'y'", "windows begin in the padding"});
}

// An extent without elements behind it is bounded by nothing when the batch multiplies it.
TEST(OnnxLimits, AnEmptyShapeTimesTheBatchDoesNotOverflow) {
  ModelBuilder model;
  model.input("x", {2, 0}).integers("shape", {2}, {std::int64_t{1} << 55, 0}).output("y");
  model.node("Reshape", {"x", "shape"}, {"y"}).with("allowzero", 1);
  Model::Specialization specialization;
  specialization.input_shapes["x"] = {2, 0};
  specialization.batch_scale = std::int64_t{1} << 40;
  const Model loaded = load(model);
  expect_failure(failure_of([&] { static_cast<void>(loaded.specialize(specialization)); }), Code::kInvalidModel,
                 {"Reshape node 'y'"});
}

TEST(OnnxLimits, Memory) {
  ModelBuilder model;
  model.input("x", {1000}).output("y").floats("w", {1000}, std::vector<float>(1000, 1));
  model.node("Add", {"x", "w"}, {"y"});
  EXPECT_NO_THROW(static_cast<void>(load(model, {}, {.memory = 20'000})));
  expect_failure(load_failure(model, {.memory = 4000}), Code::kLimit,
                 {"model in memory", "bytes of memory", "limit of 4000", "--max-memory"});
  expect_failure(lower_failure(computing(10'000), {}, {.memory = 40'000}), Code::kLimit,
                 {"ConstantOfShape", "limit of 40000", "--max-memory"});
}

TEST(OnnxLimits, MemoryIsGivenBack) {
  const Model model = load(computing(1000));
  const std::int64_t loaded = model.memory()->used();
  EXPECT_GT(loaded, 0);
  {
    const graph::Graph graph = model.specialize({});
    EXPECT_GE(model.memory()->used(), loaded + 4000);
    const graph::Graph copy = graph;
    EXPECT_GE(model.memory()->used(), loaded + 4000);
  }
  EXPECT_EQ(model.memory()->used(), loaded);
}

TEST(OnnxLimits, AFewBytesThatBecomeLargeObjectsAreSeenBeforehand) {
  ModelBuilder model;
  model.input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
  const std::string whole = model.serialized();
  const auto bytes_of = [](const std::string& bytes) {
    return decoded_size(std::as_bytes(std::span(bytes)), *::onnx::ModelProto::descriptor(), 100).bytes;
  };
  ::onnx::ModelProto decoded;
  ASSERT_TRUE(decoded.ParseFromString(whole));
  EXPECT_GE(bytes_of(whole), static_cast<std::int64_t>(decoded.SpaceUsedLong()) * 9 / 10);
  EXPECT_LE(bytes_of(whole), static_cast<std::int64_t>(decoded.SpaceUsedLong()) * 3);
  // A million empty nodes, two bytes each.
  std::string nodes;
  for (int i = 0; i < 1'000'000; ++i) nodes += std::string("\x0A\x00", 2);
  std::string bomb = whole + std::string("\x3A", 1);
  for (std::size_t n = nodes.size(); true; n >>= 7) {
    bomb.push_back(static_cast<char>((n & 0x7F) | (n > 0x7F ? 0x80 : 0)));
    if (n <= 0x7F) break;
  }
  bomb += nodes;
  EXPECT_GT(bytes_of(bomb), 100'000'000);
  expect_failure(failure_of([&] { static_cast<void>(load(bomb, {}, {.memory = 50'000'000})); }), Code::kLimit,
                 {"--max-memory"});
}

TEST(OnnxLimits, ThatMakeNoSenseAreRefused) {
  ModelBuilder model;
  model.input("x", {1}).output("y").node("Relu", {"x"}, {"y"});
  expect_failure(load_failure(model, {.nodes = 0}), Code::kInvalidArgument, {"nodes", "--max-nodes", "1 or more"});
  expect_failure(load_failure(model, {.nesting = 257}), Code::kInvalidArgument, {"nesting", "256"});
  expect_failure(load_failure(model, {.memory = -1}), Code::kInvalidArgument, {"memory", "0"});
}

}  // namespace
}  // namespace mho::onnx
