// Invariant: every ONNX element type and form gives the numbers it stands for, and data that does not fit its shape is
// an error that names the tensor.
#include <cmath>
#include <limits>

#include "onnx/loading.h"

namespace mho::onnx {
namespace {

using testing::empty_tensor;
using testing::float_tensor;
using testing::raw_tensor;

Array read(const TensorProto& tensor) {
  const std::string bytes = tensor.SerializeAsString();
  return read_tensor_proto(std::as_bytes(std::span(bytes)));
}

void expect_elements(const Array& array, DType dtype, const std::vector<double>& expected) {
  EXPECT_EQ(array.dtype(), dtype);
  ASSERT_EQ(array.size(), static_cast<std::int64_t>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(array.at(static_cast<std::int64_t>(i)), expected[i]) << i;
}

Failure load_failure_of(const TensorProto& tensor, const Limits& limits = {}) {
  ModelBuilder model = relu_model();
  model.initializer(tensor);
  return load_failure(model, limits);
}

TEST(OnnxTensorData, RawIntegersKeepTheirValues) {
  expect_elements(read(raw_tensor<std::int8_t>("t", TensorProto::INT8, {2}, {-128, 127})), DType::i64, {-128, 127});
  expect_elements(read(raw_tensor<std::uint8_t>("t", TensorProto::UINT8, {2}, {0, 255})), DType::i64, {0, 255});
  expect_elements(read(raw_tensor<std::int16_t>("t", TensorProto::INT16, {2}, {-32768, 9})), DType::i64, {-32768, 9});
  expect_elements(read(raw_tensor<std::uint16_t>("t", TensorProto::UINT16, {1}, {65535})), DType::i64, {65535});
  expect_elements(read(raw_tensor<std::int32_t>("t", TensorProto::INT32, {1}, {-2147483647})), DType::i64,
                  {-2147483647});
  expect_elements(read(raw_tensor<std::uint32_t>("t", TensorProto::UINT32, {1}, {4294967295U})), DType::i64,
                  {4294967295.0});
  expect_elements(read(raw_tensor<std::int64_t>("t", TensorProto::INT64, {2}, {-5, std::int64_t{1} << 40})), DType::i64,
                  {-5, 0x1p40});
  expect_elements(read(raw_tensor<std::uint64_t>("t", TensorProto::UINT64, {1}, {std::uint64_t{1} << 40})), DType::i64,
                  {0x1p40});
  expect_elements(read(raw_tensor<char>("t", TensorProto::BOOL, {3}, {0, 1, 2})), DType::b8, {0, 1, 1});
}

TEST(OnnxTensorData, RawRealsKeepTheirValues) {
  expect_elements(read(raw_tensor<float>("t", TensorProto::FLOAT, {2}, {0.1F, -3})), DType::f32, {0.1F, -3});
  expect_elements(read(raw_tensor<double>("t", TensorProto::DOUBLE, {2}, {0.1, -3})), DType::f64, {0.1, -3});
  // IEEE 754 binary16: 1, -2, the largest, the smallest normal and subnormal, both infinities.
  expect_elements(read(raw_tensor<std::uint16_t>("t", TensorProto::FLOAT16, {7},
                                                 {0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x7C00, 0xFC00})),
                  DType::f32,
                  {1, -2, 65504, 0x1p-14, 0x1p-24, std::numeric_limits<double>::infinity(),
                   -std::numeric_limits<double>::infinity()});
  EXPECT_TRUE(std::isnan(read(raw_tensor<std::uint16_t>("t", TensorProto::FLOAT16, {1}, {0x7E00})).at(0)));
  EXPECT_TRUE(std::signbit(read(raw_tensor<std::uint16_t>("t", TensorProto::FLOAT16, {1}, {0x8000})).at(0)));
  // bfloat16 is the upper half of a float: 1, -2, the smallest subnormal.
  expect_elements(read(raw_tensor<std::uint16_t>("t", TensorProto::BFLOAT16, {3}, {0x3F80, 0xC000, 0x0001})),
                  DType::f32, {1, -2, 0x1p-133});
}

TEST(OnnxTensorData, TypedFieldsKeepTheirValues) {
  expect_elements(read(float_tensor("t", {2}, {0.5F, -1})), DType::f32, {0.5, -1});
  TensorProto doubles = empty_tensor("t", TensorProto::DOUBLE, {1});
  doubles.add_double_data(0.1);
  expect_elements(read(doubles), DType::f64, {0.1});
  TensorProto longs = empty_tensor("t", TensorProto::INT64, {1});
  longs.add_int64_data(-7);
  expect_elements(read(longs), DType::i64, {-7});
  for (const int type : {TensorProto::UINT32, TensorProto::UINT64}) {
    TensorProto tensor = empty_tensor("t", type, {1});
    tensor.add_uint64_data(4294967295U);
    expect_elements(read(tensor), DType::i64, {4294967295.0});
  }
  for (const int type :
       {TensorProto::INT8, TensorProto::INT16, TensorProto::INT32, TensorProto::UINT8, TensorProto::UINT16}) {
    TensorProto tensor = empty_tensor("t", type, {2});
    tensor.add_int32_data(3);
    tensor.add_int32_data(100);
    expect_elements(read(tensor), DType::i64, {3, 100});
  }
  TensorProto flags = empty_tensor("t", TensorProto::BOOL, {2});
  flags.add_int32_data(1);
  flags.add_int32_data(0);
  expect_elements(read(flags), DType::b8, {1, 0});
  for (const auto& [type, bits] : {std::pair{TensorProto::FLOAT16, 0x3E00}, {TensorProto::BFLOAT16, 0x3FC0}}) {
    TensorProto tensor = empty_tensor("t", type, {1});
    tensor.add_int32_data(bits);
    expect_elements(read(tensor), DType::f32, {1.5});
  }
}

TEST(OnnxTensorData, ScalarsAndEmptyTensorsAreTensors) {
  EXPECT_EQ(read(float_tensor("t", {}, {4})).shape(), Shape{});
  EXPECT_EQ(read(float_tensor("t", {0, 3}, {})).shape(), (Shape{0, 3}));
  EXPECT_EQ(read(raw_tensor<float>("t", TensorProto::FLOAT, {2, 0}, {})).size(), 0);
}

TEST(OnnxTensorData, OtherElementTypesAreRefusedByName) {
  const std::pair<int, const char*> types[] = {{TensorProto::STRING, "string"},
                                               {TensorProto::COMPLEX64, "complex64"},
                                               {TensorProto::COMPLEX128, "complex128"},
                                               {TensorProto::UNDEFINED, "undefined"},
                                               {17, "type 17"},
                                               {-1, "type -1"}};
  for (const auto& [type, name] : types) {
    TensorProto tensor = empty_tensor("odd", type, {1});
    tensor.add_string_data("text");
    expect_failure(load_failure_of(tensor), Code::kUnsupported, {"'odd'", name, "supported are float"});
  }
}

TEST(OnnxTensorData, DataThatDoesNotFitTheShapeIsRefused) {
  expect_failure(load_failure_of(raw_tensor<float>("w", TensorProto::FLOAT, {2, 3}, {1, 2, 3})), Code::kInvalidModel,
                 {"'w'", "[2, 3]", "needs 24 bytes", "holds 12"});
  expect_failure(load_failure_of(raw_tensor<char>("w", TensorProto::FLOAT, {1}, {1, 2, 3, 4, 5})), Code::kInvalidModel,
                 {"'w'", "needs 4 bytes", "holds 5"});
  expect_failure(load_failure_of(float_tensor("w", {2, 3}, {1, 2, 3, 4, 5, 6, 7})), Code::kInvalidModel,
                 {"'w'", "[2, 3]", "6 elements"});
  expect_failure(load_failure_of(empty_tensor("w", TensorProto::FLOAT, {1})), Code::kInvalidModel, {"'w'"});
  // Elements in the field of another type are none of this type.
  TensorProto misplaced = empty_tensor("w", TensorProto::FLOAT, {1});
  misplaced.add_int32_data(1);
  expect_failure(load_failure_of(misplaced), Code::kInvalidModel, {"'w'"});
}

TEST(OnnxTensorData, AbsurdShapesAreRefusedWithoutAllocating) {
  expect_failure(load_failure_of(float_tensor("w", {2, -3}, {1})), Code::kInvalidModel, {"'w'", "[2, -3]", "negative"});
  const std::int64_t huge = std::int64_t{1} << 62;
  expect_failure(load_failure_of(float_tensor("w", {huge, huge}, {1})), Code::kLimit, {"'w'"});
  expect_failure(load_failure_of(float_tensor("w", {std::int64_t{1} << 40}, {1})), Code::kLimit,
                 {"'w'", "1099511627776", "limit"});
  // 2^32 elements are within the default limit; the data is not there.
  for (const auto type : {TensorProto::FLOAT, TensorProto::INT8, TensorProto::DOUBLE}) {
    const Shape shape{1 << 16, 1 << 16};
    expect_failure(load_failure_of(empty_tensor("w", type, shape)), Code::kInvalidModel, {"'w'"});
    expect_failure(load_failure_of(raw_tensor<float>("w", type, shape, {1, 2})), Code::kInvalidModel, {"'w'"});
  }
  expect_failure(load_failure_of(float_tensor("w", {3}, {1, 2, 3}), {.tensor_elements = 2}), Code::kLimit,
                 {"'w'", "[3]", "limit of 2"});
  // Many axes of extent 1 are as small as one.
  ModelBuilder model;
  const Shape many(5000, 1);
  model.initializer(float_tensor("w", many, {1})).output("y");
  model.node("Relu", {"w"}, {"y"});
  try {
    static_cast<void>(lower(model));
  } catch (const Error& error) {
    EXPECT_NE(error.code(), Code::kInternal) << error.what();
  }
}

TEST(OnnxTensorData, TensorsInAttributesAreCheckedToo) {
  ModelBuilder model;
  model.output("y");
  model.node("Constant", {}, {"y"}).named("weights").with("value", float_tensor("", {4}, {1}));
  expect_failure(lower_failure(model), Code::kInvalidModel, {"Constant node 'weights'", "[4]"});
}

TEST(OnnxTensorData, WhatIsNoTensorIsSaidToBeNone) {
  const std::string bytes(40, '\xFF');
  expect_failure(failure_of([&] { static_cast<void>(read_tensor_proto(std::as_bytes(std::span(bytes)))); }),
                 Code::kInvalidModel, {"not a TensorProto"});
}

TEST(OnnxTensorData, SparseInitializersAreRefused) {
  ModelBuilder model = relu_model();
  model.proto().mutable_graph()->add_sparse_initializer();
  expect_failure(load_failure(model), Code::kUnsupported, {"sparse"});
}

}  // namespace
}  // namespace mho::onnx
