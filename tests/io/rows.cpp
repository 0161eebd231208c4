// Invariant: rows of an array in a file are those of the whole array, whatever its type, chunks and filters; nothing
// outside the file is read.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>
#include <mho/rows.h>

#include <algorithm>
#include <numeric>

#include "io/temporary_folder.h"

namespace mho::io {
namespace {

std::vector<double> values(const Array& array) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < array.size(); ++i) all.push_back(array.at(i));
  return all;
}

void expect_rows_of(const Rows& rows, const Array& whole) {
  ASSERT_EQ(rows.shape(), whole.shape());
  ASSERT_EQ(rows.dtype(), whole.dtype());
  const std::int64_t count = whole.shape().at(0);
  for (std::int64_t first = 0; first <= count; ++first) {
    for (std::int64_t last = first; last <= count; ++last) {
      const Array part = rows.read(first, last);
      Shape shape = whole.shape();
      shape[0] = last - first;
      ASSERT_EQ(part.shape(), shape);
      const std::size_t stride = whole.bytes().size() / static_cast<std::size_t>(std::max<std::int64_t>(count, 1));
      const auto expected = whole.bytes().subspan(stride * static_cast<std::size_t>(first), part.bytes().size());
      EXPECT_TRUE(std::ranges::equal(part.bytes(), expected)) << first << " to " << last;
    }
  }
  EXPECT_THROW((void)rows.read(0, count + 1), Error);
  EXPECT_THROW((void)rows.read(-1, 0), Error);
}

Code code_of(const std::string& dataset, const std::string& file = "hostile.h5") {
  try {
    const auto rows = open_hdf5_rows(fixture(file), dataset);
    (void)rows->read(0, rows->shape().empty() ? 1 : rows->shape()[0]);
  } catch (const Error& error) {
    return error.code();
  }
  return Code::kInternal;
}

TEST(Rows, OfNpyFilesAreThoseOfTheWhole) {
  for (const char* name : {"little_f2.npy", "big_f8.npy", "little_u8.npy", "b1.npy", "fortran.npy", "empty.npy"}) {
    SCOPED_TRACE(name);
    expect_rows_of(*open_npy_rows(fixture(name)), read_npy(fixture(name)));
  }
  EXPECT_EQ(open_npy_rows(fixture("scalar.npy"))->read(0, 1).at(0), 2.5);
}

TEST(Rows, OfDamagedNpyFilesAreRefusedWhenOpened) {
  TemporaryFolder folder;
  const std::string bytes = read_bytes(fixture("little_f4.npy"));
  write_bytes(folder / "x.npy", bytes.substr(0, bytes.size() - 1));
  EXPECT_THROW((void)open_npy_rows(folder / "x.npy"), Error);
}

TEST(Rows, OfHdf5HaveEveryType) {
  for (const ArrayEntry& entry : list_hdf5(fixture("types.h5"))) {
    SCOPED_TRACE(entry.name);
    const auto rows = open_hdf5_rows(fixture("types.h5"), "/" + entry.name);
    EXPECT_EQ(rows->dtype(), entry.dtype);
    const bool is_signed = entry.name.find("_f") != std::string::npos || entry.name.find('i') == 0 ||
                           entry.name.find("_i") != std::string::npos;
    std::vector<double> expected(6);
    std::iota(expected.begin(), expected.end(), is_signed ? -3.0 : 0.0);
    if (entry.name == "b1") expected = {0, 1, 1, 1, 1, 1};
    EXPECT_EQ(values(rows->read(0, 2)), expected);
    expect_rows_of(*rows, rows->read(0, 2));
  }
  EXPECT_EQ(list_hdf5(fixture("types.h5")).size(), 15U);
}

TEST(Rows, OfHdf5AreTheSameInEveryLayout) {
  std::vector<float> counted(60);
  std::iota(counted.begin(), counted.end(), 0.0F);
  const Array cube({5, 3, 4}, counted);
  for (const char* name : {"plain", "group/packed", "/group/packed", "alias", "loop/loop/plain"}) {
    SCOPED_TRACE(name);
    expect_rows_of(*open_hdf5_rows(fixture("layouts.h5"), name), cube);
  }
  EXPECT_EQ(open_hdf5_rows(fixture("layouts.h5"), "scalar")->read(0, 1).at(0), 2.5);
  EXPECT_EQ(open_hdf5_rows(fixture("layouts.h5"), "empty")->read(0, 0).shape(), (Shape{0, 3}));
}

TEST(Rows, ListsNameDataSetsOfNumbersOnly) {
  std::vector<std::string> names;
  for (const ArrayEntry& entry : list_hdf5(fixture("layouts.h5"))) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"empty", "group/packed", "large", "plain", "scalar"}));
}

TEST(Rows, WhatIsNoArrayOfNumbersIsRefused) {
  EXPECT_EQ(code_of("text", "layouts.h5"), Code::kUnsupported);
  EXPECT_EQ(code_of("null", "layouts.h5"), Code::kUnsupported);
  EXPECT_EQ(code_of("complex", "layouts.h5"), Code::kUnsupported);
  EXPECT_EQ(code_of("large", "layouts.h5"), Code::kLimit);
  EXPECT_EQ(code_of("nothing", "layouts.h5"), Code::kNotFound);
  EXPECT_EQ(code_of("group", "layouts.h5"), Code::kNotFound);
  EXPECT_EQ(code_of("x", "grey.pgm"), Code::kIo);
  EXPECT_THROW((void)list_hdf5(fixture("grey.pgm")), Error);
  EXPECT_THROW((void)list_hdf5("/nowhere.h5"), Error);
}

TEST(Rows, DataOutsideTheFileIsNotFollowed) {
  EXPECT_EQ(code_of("link"), Code::kNotFound);
  EXPECT_EQ(code_of("folder/little_f4"), Code::kNotFound);
  EXPECT_EQ(code_of("raw"), Code::kUnsupported);
  EXPECT_EQ(code_of("virtual"), Code::kUnsupported);
}

TEST(Rows, ClaimsThatNoDataStandsBehindAreRefused) {
  EXPECT_EQ(code_of("vast"), Code::kLimit);
  EXPECT_EQ(code_of("overflow"), Code::kLimit);
  EXPECT_EQ(code_of("chunk"), Code::kLimit);
}

TEST(Rows, DamagedHdf5FilesAreErrorsOrRight) {
  TemporaryFolder folder;
  const std::string bytes = read_bytes(fixture("layouts.h5"));
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    write_bytes(folder / "x.h5", bytes.substr(0, size));
    try {
      (void)open_hdf5_rows(folder / "x.h5", "group/packed")->read(0, 5);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), Code::kInternal);
    }
  }
}

}  // namespace
}  // namespace mho::io
