// Invariant: an Array has exactly the elements of its shape, never writes to borrowed ones, and impossible shapes are
// errors, never overflows.
#include <gtest/gtest.h>
#include <mho/array.h>
#include <mho/error.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

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

TEST(Array, BorrowsWithoutCopyingAndCopiesBeforeItIsWrittenTo) {
  const auto owner = std::make_shared<const std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  const auto bytes = std::as_bytes(std::span(*owner));
  Array array = Array::borrow(DType::f32, {2, 2}, bytes, owner);
  EXPECT_EQ(std::as_const(array).bytes().data(), bytes.data());
  EXPECT_EQ(owner.use_count(), 2);
  Array copy = array;
  EXPECT_EQ(std::as_const(copy).bytes().data(), bytes.data());

  copy.as<float>()[0] = 7;
  EXPECT_EQ((*owner)[0], 1);
  EXPECT_EQ(copy.at(0), 7);
  EXPECT_EQ(copy.at(3), 4);
  EXPECT_EQ(array.at(0), 1);
  array = Array();
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(Array, BorrowsOnlyWhatFits) {
  const std::vector<float> values{1, 2, 3};
  const auto bytes = std::as_bytes(std::span(values));
  expect_error(Code::kInvalidArgument, [&] { (void)Array::borrow(DType::f32, {2}, bytes, nullptr); });
  expect_error(Code::kInvalidArgument, [&] { (void)Array::borrow(DType::f32, {2}, bytes.subspan(1, 8), nullptr); });
  EXPECT_EQ(Array::borrow(DType::f64, {0, 3}, {}, nullptr).bytes().size(), 0U);
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
