// Invariant: an array that NumPy saved is read with the same shape and values, whatever its type, byte order and order
// of axes; what mho writes it reads back bit by bit; and every damaged file gives an Error.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>

#include "io/npy_format.h"
#include "io/temporary_folder.h"

namespace mho::io {
namespace {

struct TypeCase {
  const char* file;
  DType dtype;
  double first;
};

class NumpyTypes : public ::testing::TestWithParam<TypeCase> {};

TEST_P(NumpyTypes, AreReadAsTheNearestTypeWithTheirValues) {
  const TypeCase& type = GetParam();
  const Array array = read_npy(fixture(type.file));
  EXPECT_EQ(array.dtype(), type.dtype);
  ASSERT_EQ(array.shape(), (Shape{2, 3}));
  for (std::int64_t i = 0; i < 6; ++i) {
    const double expected = type.dtype == DType::b8 ? (i == 0 ? 0 : 1) : type.first + static_cast<double>(i);
    EXPECT_EQ(array.at(i), expected) << "element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , NumpyTypes,
    ::testing::Values(TypeCase{"little_f2.npy", DType::f32, -3}, TypeCase{"little_f4.npy", DType::f32, -3},
                      TypeCase{"little_f8.npy", DType::f64, -3}, TypeCase{"big_f2.npy", DType::f32, -3},
                      TypeCase{"big_f4.npy", DType::f32, -3}, TypeCase{"big_f8.npy", DType::f64, -3},
                      TypeCase{"i1.npy", DType::i32, -3}, TypeCase{"little_i2.npy", DType::i32, -3},
                      TypeCase{"little_i4.npy", DType::i32, -3}, TypeCase{"little_i8.npy", DType::i64, -3},
                      TypeCase{"big_i2.npy", DType::i32, -3}, TypeCase{"big_i4.npy", DType::i32, -3},
                      TypeCase{"big_i8.npy", DType::i64, -3}, TypeCase{"u1.npy", DType::i32, 0},
                      TypeCase{"little_u2.npy", DType::i32, 0}, TypeCase{"little_u4.npy", DType::i64, 0},
                      TypeCase{"little_u8.npy", DType::i64, 0}, TypeCase{"big_u2.npy", DType::i32, 0},
                      TypeCase{"big_u8.npy", DType::i64, 0}, TypeCase{"b1.npy", DType::b8, 0}),
    [](const auto& test) { return std::string(test.param.file).substr(0, std::strlen(test.param.file) - 4); });

void expect_cube(const Array& array) {
  ASSERT_EQ(array.shape(), (Shape{2, 3, 4}));
  for (std::int64_t i = 0; i < 24; ++i) EXPECT_EQ(array.at(i), static_cast<double>(i));
}

TEST(Npy, FortranOrderBecomesRowMajor) { expect_cube(read_npy(fixture("fortran.npy"))); }

TEST(Npy, VersionTwoHeadersAreRead) { expect_cube(read_npy(fixture("version2.npy"))); }

TEST(Npy, ScalarsAndEmptyArraysAreRead) {
  const Array scalar = read_npy(fixture("scalar.npy"));
  EXPECT_TRUE(scalar.shape().empty());
  EXPECT_EQ(scalar.at(0), 2.5);
  EXPECT_EQ(read_npy(fixture("empty.npy")).shape(), (Shape{0, 3}));
}

TEST(Npy, HalfFloatsKeepZerosSubnormalsInfinitiesAndNan) {
  const Array array = read_npy(fixture("half_special.npy"));
  const auto values = array.as<float>();
  ASSERT_EQ(values.size(), 10u);
  EXPECT_EQ(values[0], 0.0f);
  EXPECT_TRUE(std::signbit(values[1]));
  EXPECT_EQ(values[2], 0x1p-24f);
  EXPECT_EQ(values[3], -0x1p-24f);
  EXPECT_NEAR(values[4], 6.1e-5f, 1e-7f);
  EXPECT_EQ(values[5], 65504.0f);
  EXPECT_EQ(values[6], INFINITY);
  EXPECT_EQ(values[7], -INFINITY);
  EXPECT_TRUE(std::isnan(values[8]));
  EXPECT_EQ(values[9], 0x1.554p-2f);
}

Code code_of_npy(const std::filesystem::path& path) {
  try {
    (void)read_npy(path);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << "the file is not named";
    return error.code();
  }
  ADD_FAILURE() << path << " was read";
  return Code::kInternal;
}

TEST(Npy, TypesWithoutNumbersAreRefusedByName) {
  EXPECT_EQ(code_of_npy(fixture("object.npy")), Code::kUnsupported);
  EXPECT_EQ(code_of_npy(fixture("complex.npy")), Code::kUnsupported);
  EXPECT_EQ(code_of_npy(fixture("structured.npy")), Code::kUnsupported);
  EXPECT_EQ(code_of_npy(fixture("picture.png")), Code::kIo);
  EXPECT_EQ(code_of_npy(fixture("there is no such file.npy")), Code::kIo);
  EXPECT_EQ(code_of_npy(fixture("")), Code::kIo);
}

TEST(Npy, EveryTruncationIsAnError) {
  TemporaryFolder folder;
  for (const char* name : {"fortran.npy", "version2.npy", "big_i2.npy"}) {
    const std::string whole = read_bytes(fixture(name));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      write_bytes(folder / "cut.npy", whole.substr(0, length));
      EXPECT_EQ(code_of_npy(folder / "cut.npy"), Code::kIo) << name << " cut to " << length;
    }
  }
}

TEST(Npy, HeadersThatLieAboutTheSizeAreRefusedBeforeMemoryIsTaken) {
  TemporaryFolder folder;
  const auto with_shape = [&](const Shape& shape) {
    write_bytes(folder / "lie.npy", npy_header("<f4", shape) + "only these bytes");
    return code_of_npy(folder / "lie.npy");
  };
  EXPECT_EQ(with_shape({5}), Code::kIo);
  EXPECT_EQ(with_shape({1LL << 50}), Code::kIo);
  EXPECT_EQ(with_shape({1LL << 40, 1LL << 40}), Code::kLimit);
}

TEST(Npy, DamagedHeadersAreErrors) {
  for (const char* text :
       {"", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': Maybe, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} extra",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}", "{'descr': '<f4",
        "{'descr': '<f99999999999999999999', 'fortran_order': False, 'shape': (3,)}", "{'descr': '', 'shape': ()}"}) {
    EXPECT_THROW((void)parse_npy_header(text, "test"), Error) << text;
  }
}

TEST(Npy, HeaderParserSurvivesAnyText) {
  EXPECT_TRUE(rc::check("any mutation of a header parses or throws Error", [] {
    std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    for (const auto& [at, c] : *rc::gen::container<std::vector<std::pair<unsigned, char>>>(
             rc::gen::pair(rc::gen::arbitrary<unsigned>(), rc::gen::arbitrary<char>()))) {
      text[at % text.size()] = c;
    }
    try {
      (void)parse_npy_header(text, "test");
    } catch (const Error&) {
    }
  }));
}

TEST(Npy, WhatIsWrittenIsReadBackBitByBit) {
  TemporaryFolder folder;
  EXPECT_TRUE(rc::check("round trip", [&] {
    const auto shape = *rc::gen::resize(4, rc::gen::container<Shape>(rc::gen::inRange<std::int64_t>(0, 5)));
    const DType dtype = *rc::gen::element(DType::f32, DType::f64, DType::i64, DType::i32);
    Array array(dtype, shape);
    for (std::byte& byte : array.bytes()) byte = static_cast<std::byte>(*rc::gen::arbitrary<unsigned char>());
    write_npy(folder / "array.npy", array);
    const Array back = read_npy(folder / "array.npy");
    RC_ASSERT(back.shape() == shape);
    RC_ASSERT(back.dtype() == dtype);
    RC_ASSERT(std::equal(back.bytes().begin(), back.bytes().end(), array.bytes().begin(), array.bytes().end()));
  }));
  EXPECT_EQ(folder.file_count(), 1u) << "temporary files were left behind";
}

TEST(Npy, HeadersAreThoseOfNumpyByteByByte) {
  EXPECT_EQ(npy_header("<f4", {2, 3}), read_bytes(fixture("little_f4.npy")).substr(0, 128));
  EXPECT_EQ(npy_header("<f8", {}), read_bytes(fixture("scalar.npy")).substr(0, 128));
}

}  // namespace
}  // namespace mho::io
