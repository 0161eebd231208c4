// Invariant: a heatmap is a picture in which negative is blue, zero white, positive red, and equal magnitudes are
// equally far from white.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>

#include <cmath>
#include <limits>

#include "io/temporary_folder.h"

namespace mho::io {
namespace {

struct Pixel {
  double red, green, blue;
};

/// Reads the picture back and looks at a place in it.
class Picture {
 public:
  explicit Picture(const std::filesystem::path& path) {
    ImageOptions options;
    options.scale = 1.0;
    array_ = read_image(path, options);
  }
  [[nodiscard]] Pixel at(std::int64_t x, std::int64_t y) const {
    const std::int64_t area = array_.shape()[2] * array_.shape()[3];
    const std::int64_t i = y * array_.shape()[3] + x;
    return {array_.at(i), array_.at(area + i), array_.at(2 * area + i)};
  }
  [[nodiscard]] const Shape& shape() const { return array_.shape(); }

 private:
  Array array_;
};

constexpr std::int64_t kLeft = 8;
constexpr std::int64_t kTop = 8 + 14;

TEST(Heatmap, SignsAreColoursAndZeroIsWhite) {
  TemporaryFolder folder;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Array map({1, 4}, std::vector<double>{-2, 0, 2, nan});
  write_heatmap_png(folder / "map.png", {{"label", map}}, {.map_pixels = 40});
  const Picture picture(folder / "map.png");
  const Pixel negative = picture.at(kLeft + 5, kTop + 5);
  const Pixel zero = picture.at(kLeft + 15, kTop + 5);
  const Pixel positive = picture.at(kLeft + 25, kTop + 5);
  const Pixel missing = picture.at(kLeft + 35, kTop + 5);
  EXPECT_GT(negative.blue, negative.red + 100);
  EXPECT_GT(positive.red, positive.blue + 100);
  EXPECT_EQ(zero.red + zero.green + zero.blue, 765);
  EXPECT_TRUE(missing.red == missing.green && missing.green == missing.blue && missing.red < 250);
}

TEST(Heatmap, LabelsAreDrawn) {
  TemporaryFolder folder;
  const Array map(DType::f64, {1, 1});
  write_heatmap_png(folder / "with.png", {{"conv1 (8 channels) \xC3\xA9\n", map}});
  write_heatmap_png(folder / "without.png", {{"", map}});
  const auto dark = [](const Picture& picture) {
    int count = 0;
    for (std::int64_t y = 0; y < kTop - 1; ++y) {
      for (std::int64_t x = 0; x < picture.shape()[3]; ++x) count += picture.at(x, y).red < 100 ? 1 : 0;
    }
    return count;
  };
  EXPECT_GT(dark(Picture(folder / "with.png")), 50);
  EXPECT_EQ(dark(Picture(folder / "without.png")), 0);
}

TEST(Heatmap, ManyMapsWrap) {
  TemporaryFolder folder;
  write_heatmap_png(folder / "maps.png", {{"", Array(DType::f64, {10, 8, 8})}}, {.map_pixels = 16, .columns = 4});
  const Picture picture(folder / "maps.png");
  EXPECT_EQ(picture.shape()[3], 2 * 8 + 4 * 20 - 4);
  EXPECT_EQ(picture.shape()[2], 2 * 8 + 14 + 3 * 20 + 8);
}

TEST(Heatmap, ShapesThatAreNotMapsAreRefused) {
  TemporaryFolder folder;
  EXPECT_THROW(write_heatmap_png(folder / "a.png", {}), Error);
  EXPECT_THROW(write_heatmap_png(folder / "a.png", {{"", Array(DType::f64, {3})}}), Error);
  EXPECT_THROW(write_heatmap_png(folder / "a.png", {{"", Array(DType::f64, {0, 3, 3})}}), Error);
  EXPECT_THROW(write_heatmap_png(folder / "a.png", {{"", Array(DType::f64, {100000, 20, 20})}}), Error);
  EXPECT_EQ(folder.file_count(), 0u);
}

}  // namespace
}  // namespace mho::io
