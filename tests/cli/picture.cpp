// Invariant: every drawn cell is the sum of the attributions it stands for.
#include "picture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace mho::cli {
namespace {

Array counted(Shape shape) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0);
  return {std::move(shape), values};
}

std::vector<io::HeatmapRow> rows_of(Array values, const Inputs& inputs = {}) {
  Result result;
  result.layers.push_back({"layer", "", "Conv", true, std::move(values), {}, {}});
  return picture_rows(inputs, result, {rank_layer(result.layers[0], 5, false)});
}

TEST(Picture, ShowsTheSumOverChannelsOfEveryExample) {
  const auto rows = rows_of(counted({2, 2, 2, 2}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].maps.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(rows[0].maps.at(0), 0 + 4);
  EXPECT_EQ(rows[0].maps.at(7), 11 + 15);
}

TEST(Picture, WrapsLayersWithoutPositionsAndLeavesTheRestEmpty) {
  const auto rows = rows_of(counted({2, 3}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].maps.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(rows[0].maps.at(2), 2);
  EXPECT_TRUE(std::isnan(rows[0].maps.at(3)));
  EXPECT_EQ(rows[0].maps.at(4), 3);
}

TEST(Picture, ShowsTheTopChannelsOfASingleExample) {
  const auto rows = rows_of(counted({1, 2, 1, 2}));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].maps.shape(), (Shape{2, 1, 2}));
  EXPECT_EQ(rows[1].maps.at(0), 2) << "channel 1 is first";
}

TEST(Picture, LargeMapsAreSummedOverBlocks) {
  const Array values = counted({1, 3, 300, 70});
  const auto rows = rows_of(values);
  EXPECT_EQ(rows[0].maps.shape(), (Shape{1, 150, 35}));
  double drawn = 0;
  for (std::int64_t i = 0; i < rows[0].maps.size(); ++i) drawn += rows[0].maps.at(i);
  double all = 0;
  for (std::int64_t i = 0; i < values.size(); ++i) all += values.at(i);
  EXPECT_DOUBLE_EQ(drawn, all);
  EXPECT_NE(rows[0].label.find("blocks of 2 x 2"), std::string::npos);
}

TEST(Picture, NumbersOfExamplesAreBounded) {
  const auto rows = rows_of(counted({100, 4, 4}));
  EXPECT_EQ(rows[0].maps.shape()[0], 32);
  EXPECT_NE(rows[0].label.find("first 32 examples"), std::string::npos);
}

TEST(Picture, BeginsWithInputsThatAreMaps) {
  const auto rows =
      rows_of(counted({2, 3}), {{"image", Array(DType::f32, {2, 1, 8, 8})}, {"age", Array(DType::f32, {2, 1})}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].label, "input image");
  EXPECT_EQ(rows[0].maps.shape(), (Shape{2, 8, 8}));
}

TEST(Picture, DrawsScalarLayers) { EXPECT_EQ(rows_of(counted({3})).at(0).maps.shape(), (Shape{3, 1, 1})); }

}  // namespace
}  // namespace mho::cli
