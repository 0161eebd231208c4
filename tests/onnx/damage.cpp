// Invariant: a broken model is an Error that names what is broken; no bytes whatsoever crash or hang the loader.
#include <algorithm>
#include <random>

#include "onnx/loading.h"
#include "support/operator_models.h"

namespace mho::onnx {
namespace {

/// Shapes for all inputs of a damaged model; small, whatever it declares.
void try_to_use(const std::string& bytes) {
  try {
    const Limits limits{.tensor_elements = 1 << 12, .nodes = 1000};
    const Model model = load(bytes, {}, limits);
    Model::Specialization specialization;
    for (const PortInfo& port : model.inputs()) {
      Shape shape;
      for (const Dimension& d : port.shape) shape.push_back(d.extent >= 0 && d.extent < 64 ? d.extent : 2);
      specialization.input_shapes[port.name] = shape;
    }
    model.specialize(specialization).verify();
  } catch (const Error& error) {
    EXPECT_NE(error.code(), Code::kInternal) << error.what();
  }
}

TEST(OnnxDamage, EveryTruncationLoadsOrIsAnError) {
  const std::string whole = testing::sample_network().serialized();
  std::size_t refused = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    try {
      static_cast<void>(load(whole.substr(0, length)));
    } catch (const Error&) {
      ++refused;
    }
  }
  // Only a cut between two top-level fields can leave a whole model.
  EXPECT_GE(refused, whole.size() - 5);
}

TEST(OnnxDamage, AlteredBytesLoadOrAreAnError) {
  std::mt19937 random(20240501);
  const std::string whole = testing::sample_network().serialized();
  for (int i = 0; i < 4000; ++i) {
    std::string altered = whole;
    const int changes = 1 + static_cast<int>(random() % 8);
    for (int k = 0; k < changes; ++k) altered[random() % altered.size()] = static_cast<char>(random());
    try_to_use(altered);
  }
}

TEST(OnnxDamage, AlteredBytesOfEveryOperatorLoadOrAreAnError) {
  std::mt19937 random(7);
  for (const auto& [name, model] : testing::operator_models()) {
    SCOPED_TRACE(name);
    const std::string whole = model.serialized();
    for (int i = 0; i < 60; ++i) {
      std::string altered = whole;
      const int changes = 1 + static_cast<int>(random() % 3);
      for (int k = 0; k < changes; ++k) altered[random() % altered.size()] = static_cast<char>(random() % 16);
      try_to_use(altered);
    }
  }
}

TEST(OnnxDamage, CutAndSplicedBytesLoadOrAreAnError) {
  std::mt19937 random(99);
  const std::string whole = testing::sample_network().serialized();
  for (int i = 0; i < 2000; ++i) {
    std::string altered = whole;
    const std::size_t from = random() % altered.size();
    const std::string piece = altered.substr(from, random() % 64);
    if (random() % 2 == 0) {
      altered.insert(random() % altered.size(), piece);
    } else {
      altered.erase(from, piece.size());
    }
    try_to_use(altered);
  }
}

TEST(OnnxDamage, WhatIsNoModelIsSaidToBeNone) {
  for (const std::string& bytes : {std::string(), std::string("not a model"), std::string(100, '\0'),
                                   std::string(100, '\xFF'), std::string("\x08\x08", 2)}) {
    expect_failure(failure_of([&] { static_cast<void>(load(bytes)); }), Code::kInvalidModel,
                   {"not an ONNX model", "truncated"});
  }
}

TEST(OnnxDamage, CyclesAreRefused) {
  ModelBuilder model;
  model.input("x", {2}).output("c", {2});
  model.node("Add", {"x", "c"}, {"a"}).named("first");
  model.node("Relu", {"a"}, {"b"}).named("second");
  model.node("Exp", {"b"}, {"c"}).named("third");
  expect_failure(load_failure(model), Code::kInvalidModel, {"cycle", "node '"});
  ModelBuilder loop;
  loop.input("x", {2}).output("a", {2});
  loop.node("Add", {"x", "a"}, {"a"}).named("itself");
  expect_failure(load_failure(loop), Code::kInvalidModel, {"Add node 'itself'", "cycle"});
}

TEST(OnnxDamage, MissingTensorsAreNamedWithTheirReader) {
  ModelBuilder model;
  model.input("x", {2}).output("y", {2});
  model.node("Add", {"x", "weights"}, {"y"}).named("sum");
  expect_failure(load_failure(model), Code::kInvalidModel, {"'weights'", "Add node 'sum'"});
  ModelBuilder output;
  output.input("x", {2}).output("y", {2});
  expect_failure(load_failure(output), Code::kInvalidModel, {"'y'", "output"});
}

TEST(OnnxDamage, TensorsWithTwoSourcesAreRefused) {
  ModelBuilder twice = relu_model();
  twice.node("Exp", {"x"}, {"y"}).named("again");
  expect_failure(load_failure(twice), Code::kInvalidModel, {"Exp node 'again'", "'y'"});

  ModelBuilder same_node;
  same_node.input("x", {2, 2}).output("y");
  same_node.node("Split", {"x"}, {"y", "y"}).named("split");
  expect_failure(load_failure(same_node), Code::kInvalidModel, {"Split node 'split'", "'y'"});

  ModelBuilder input = relu_model();
  input.node("Exp", {"y"}, {"x"}).named("overwrites");
  expect_failure(load_failure(input), Code::kInvalidModel, {"Exp node 'overwrites'", "'x'"});

  ModelBuilder initializers = relu_model();
  initializers.floats("w", {1}, {1}).floats("w", {1}, {2});
  expect_failure(load_failure(initializers), Code::kInvalidModel, {"two initializers", "'w'"});

  ModelBuilder inputs = relu_model();
  inputs.input("x", {2, 3});
  expect_failure(load_failure(inputs), Code::kInvalidModel, {"two inputs", "'x'"});
}

TEST(OnnxDamage, PortsThatMakeNoSenseAreRefused) {
  ModelBuilder negative;
  negative.input("x", {-5}).output("y");
  negative.node("Relu", {"x"}, {"y"});
  expect_failure(load_failure(negative), Code::kInvalidModel, {"'x'", "-5"});

  ModelBuilder untyped = relu_model();
  untyped.proto().mutable_graph()->add_input()->set_name("untyped");
  expect_failure(load_failure(untyped), Code::kInvalidModel, {"'untyped'", "no type"});

  ModelBuilder sequence = relu_model();
  auto* info = sequence.proto().mutable_graph()->add_input();
  info->set_name("list");
  info->mutable_type()->mutable_sequence_type()->mutable_elem_type();
  expect_failure(load_failure(sequence), Code::kUnsupported, {"'list'", "sequences"});

  ModelBuilder text = relu_model();
  text.input("words", {1}, TensorProto::STRING);
  expect_failure(load_failure(text), Code::kUnsupported, {"'words'", "string", "supported are"});

  ModelBuilder nothing;
  nothing.input("x", {1});
  expect_failure(load_failure(nothing), Code::kInvalidModel, {"no outputs"});
}

}  // namespace
}  // namespace mho::onnx
