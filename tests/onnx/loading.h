// Loads models from memory, and says which error came.
#pragma once

#include <gtest/gtest.h>
#include <mho/error.h>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>

#include "onnx/model.h"
#include "support/onnx_builder.h"

namespace mho::onnx {

using testing::ModelBuilder;
using TensorProto = ::onnx::TensorProto;

inline Model load(const std::string& bytes, const std::filesystem::path& directory = {}, const Limits& limits = {}) {
  return Model::parse(std::as_bytes(std::span(bytes)), directory, limits);
}
inline Model load(const ModelBuilder& model, const std::filesystem::path& directory = {}, const Limits& limits = {}) {
  return load(model.serialized(), directory, limits);
}

/// Shapes for the inputs; initializers and fixed inputs need none.
inline graph::Graph lower(const ModelBuilder& model, std::map<std::string, Shape, std::less<>> shapes = {},
                          const Limits& limits = {}) {
  Model::Specialization specialization;
  specialization.input_shapes = std::move(shapes);
  return load(model, {}, limits).specialize(specialization);
}

struct Failure {
  Code code;
  std::string message;
};
/// The Error that `action` throws; a failure of the test if it throws none.
inline Failure failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  ADD_FAILURE() << "no Error was thrown";
  return {Code::kInternal, {}};
}
inline Failure load_failure(const ModelBuilder& model, const Limits& limits = {}) {
  return failure_of([&] { static_cast<void>(load(model, {}, limits)); });
}
inline Failure lower_failure(const ModelBuilder& model, const std::map<std::string, Shape, std::less<>>& shapes = {},
                             const Limits& limits = {}) {
  return failure_of([&] { static_cast<void>(lower(model, shapes, limits)); });
}

/// The message must name what is wrong and say the way out: all of `parts`.
inline void expect_failure(const Failure& failure, Code code, std::initializer_list<const char*> parts) {
  EXPECT_EQ(failure.code, code) << failure.message;
  for (const char* part : parts) {
    EXPECT_NE(failure.message.find(part), std::string::npos) << "no '" << part << "' in: " << failure.message;
  }
}

/// y = Relu(x), x of shape [2, 3].
inline ModelBuilder relu_model(std::int64_t opset = 17, std::int64_t ir_version = 8) {
  ModelBuilder model(opset, ir_version);
  model.input("x", {2, 3}).output("y", {2, 3});
  model.node("Relu", {"x"}, {"y"}).named("relu");
  return model;
}

}  // namespace mho::onnx
