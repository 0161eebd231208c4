// Invariant: an Array owns exactly the elements of its shape, and impossible shapes are errors, never overflows.
#include <gtest/gtest.h>
#include <mho/array.h>
#include <mho/error.h>

#include <cstdint>
#include <limits>

namespace mho {
namespace {

template <class F>
void expect_error(Code code, F&& f) {
  try {
    f();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

TEST(ElementCount, IsTheProductOfTheExtents) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({5, 0, 7}), 0);
}

TEST(ElementCount, RefusesNegativeExtentsAndOverflow) {
  const std::int64_t large = std::int64_t{1} << 32;
  expect_error(Code::kLimit, [] { (void)element_count({2, -1}); });
  expect_error(Code::kLimit, [&] { (void)element_count({large, large}); });
  expect_error(Code::kLimit, [&] { (void)element_count({large, large, 0}); });
  expect_error(Code::kLimit, [] { (void)element_count({std::numeric_limits<std::int64_t>::max()}); });
  expect_error(Code::kLimit, [&] { Array(DType::f64, {large, large}); });
}

TEST(Array, StartsZeroedAndAligned) {
  for (const DType dtype : {DType::f32, DType::f64, DType::i64, DType::i32, DType::b8}) {
    const Array array(dtype, {3, 5});
    EXPECT_EQ(array.size(), 15);
    EXPECT_EQ(array.bytes().size(), 15 * size_of(dtype));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.bytes().data()) % 64, 0U);
    for (const std::byte byte : array.bytes()) EXPECT_EQ(byte, std::byte{0});
  }
}

TEST(Array, NeedsAsManyValuesAsItsShapeHas) {
  const Array array({2, 2}, std::vector<float>{1, 2, 3, 4});
  EXPECT_EQ(array.as<float>()[2], 3);
  expect_error(Code::kInvalidArgument, [] { Array({2, 2}, std::vector<float>{1, 2, 3}); });
}

TEST(Array, RefusesElementsOfAnotherType) {
  const Array array(DType::f32, {2});
  expect_error(Code::kInvalidArgument, [&] { (void)array.as<double>(); });
  expect_error(Code::kInvalidArgument, [&] { (void)array.at(2); });
  expect_error(Code::kInvalidArgument, [&] { (void)array.at(-1); });
}

TEST(Array, ConversionTruncatesAndSaturates) {
  const Array array({5}, std::vector<double>{-1.9, 1.9, 1e30, -1e30, std::numeric_limits<double>::quiet_NaN()});
  const Array integers = array.to(DType::i32);
  EXPECT_EQ(integers.dtype(), DType::i32);
  EXPECT_EQ(integers.at(0), -1);
  EXPECT_EQ(integers.at(1), 1);
  EXPECT_EQ(integers.at(2), std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(integers.at(3), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(integers.at(4), 0);
  const Array bits = Array({3}, std::vector<float>{0, 0.5F, -2}).to(DType::b8);
  EXPECT_EQ(bits.at(0), 0);
  EXPECT_EQ(bits.at(1), 1);
  EXPECT_EQ(bits.at(2), 1);
}

TEST(Names, ReadLikePython) {
  EXPECT_EQ(to_string(Shape{2, 3}), "[2, 3]");
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_STREQ(to_string(DType::f32), "float32");
  EXPECT_STREQ(to_string(DType::b8), "bool");
}

}  // namespace
}  // namespace mho
