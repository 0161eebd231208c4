// Invariant: every format gives the same pixels; normalisation is (v * scale - mean) / std per channel in the asked
// layout; resizing agrees with Pillow's bilinear; and damaged pictures give an Error.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>

#include "io/temporary_folder.h"

namespace mho::io {
namespace {

ImageOptions raw(std::int64_t channels = 3) {
  ImageOptions options;
  options.scale = 1.0;
  options.channels = channels;
  return options;
}

TEST(Image, EveryFormatGivesTheSamePixels) {
  for (const char* name : {"picture.png", "picture.bmp", "picture.ppm"}) {
    const Array array = read_image(fixture(name), raw());
    ASSERT_EQ(array.shape(), (Shape{1, 3, 4, 6})) << name;
    const auto values = array.as<float>();
    for (std::size_t y = 0; y < 4; ++y) {
      for (std::size_t x = 0; x < 6; ++x) {
        EXPECT_EQ(values[y * 6 + x], 40.0f * static_cast<float>(x)) << name;
        EXPECT_EQ(values[24 + y * 6 + x], 60.0f * static_cast<float>(y)) << name;
        EXPECT_EQ(values[48 + y * 6 + x], 7.0f) << name;
      }
    }
  }
}

TEST(Image, PngOfEveryKindGivesTheSamePixels) {
  const Array expected = read_image(fixture("picture.png"), raw());
  for (const char* name : {"interlaced.png", "palette.png", "alpha.png"}) {
    const Array array = read_image(fixture(name), raw());
    ASSERT_EQ(array.shape(), expected.shape()) << name;
    for (std::int64_t i = 0; i < array.size(); ++i) ASSERT_EQ(array.at(i), expected.at(i)) << name;
  }
  // 1 and 16 bits per sample, scaled to 8.
  const Array bits = read_image(fixture("bits.png"), raw(1));
  const Array deep = read_image(fixture("deep.png"), raw(1));
  for (std::int64_t i = 0; i < 24; ++i) {
    EXPECT_EQ(bits.at(i), i % 6 >= 3 ? 255 : 0);
    EXPECT_EQ(deep.at(i), 40 * (i % 6));
  }
}

TEST(Image, JpegOfEveryKindIsReadWithinItsLoss) {
  for (const char* name : {"flat.jpg", "progressive.jpg", "print.jpg"}) {
    const Array array = read_image(fixture(name), raw());
    ASSERT_EQ(array.shape(), (Shape{1, 3, 16, 16}));
    EXPECT_NEAR(array.at(0), 200, 3) << name;
    EXPECT_NEAR(array.at(256), 100, 3) << name;
    EXPECT_NEAR(array.at(512), 50, 3) << name;
  }
  for (const std::int64_t channels : {1, 3}) {
    const Array grey = read_image(fixture("grey.jpg"), raw(channels));
    ASSERT_EQ(grey.size(), channels * 256);
    for (std::int64_t i = 0; i < grey.size(); ++i) ASSERT_NEAR(grey.at(i), 120, 1);
  }
}

// A Huffman table that claims more codes of a length than there are made other decoders write past their tables.
TEST(Image, JpegWithImpossibleHuffmanTableIsAnError) {
  TemporaryFolder folder;
  const std::string whole = read_bytes(fixture("flat.jpg"));
  std::size_t tables = 0;
  for (std::size_t at = whole.find("\xFF\xC4"); at != std::string::npos; at = whole.find("\xFF\xC4", at + 1)) {
    for (std::size_t length = 0; length < 16; ++length) {
      std::string altered = whole;
      altered[at + 5 + length] = '\xFF';  // behind the marker, the size and the table's number
      write_bytes(folder / "table.jpg", altered);
      EXPECT_THROW((void)read_image(folder / "table.jpg", raw()), Error) << length;
    }
    ++tables;
  }
  EXPECT_GE(tables, 2U);
}

TEST(Image, JpegOfTooManyPixelsOrScansIsAnError) {
  TemporaryFolder folder;
  std::string large = read_bytes(fixture("flat.jpg"));
  const std::size_t frame = large.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i = 5; i < 9; ++i) large[frame + i] = '\xFF';  // height and width
  const std::string progressive = read_bytes(fixture("progressive.jpg"));
  const std::size_t last = progressive.rfind("\xFF\xDA");
  const std::size_t end = progressive.rfind("\xFF\xD9");
  ASSERT_LT(last, end);
  // The last scan again and again, as one that sets coefficients instead of refining them, which may be repeated.
  std::string scan = progressive.substr(last, end - last);
  const auto header = static_cast<std::size_t>(scan[3]);
  ASSERT_EQ(scan[1 + header], '\x10');
  scan[1 + header] = '\x00';
  const auto repeated = [&](int times) {
    std::string file = progressive.substr(0, end);
    for (int i = 0; i < times; ++i) file += scan;
    return file + progressive.substr(end);
  };
  write_bytes(folder / "scans.jpg", repeated(50));
  EXPECT_NO_THROW((void)read_image(folder / "scans.jpg", raw()));
  write_bytes(folder / "scans.jpg", repeated(200));
  write_bytes(folder / "large.jpg", large);
  for (const auto& [name, reason] : {std::pair{"large.jpg", "pixels"}, std::pair{"scans.jpg", "scans"}}) {
    try {
      (void)read_image(folder / name, raw());
      ADD_FAILURE() << name << " was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

TEST(Image, ChannelOrderAndLayoutAreAsAsked) {
  const Array rgb = read_image(fixture("picture.png"), raw());
  ImageOptions options = raw();
  options.bgr = true;
  options.channels_last = true;
  const Array bgr = read_image(fixture("picture.png"), options);
  ASSERT_EQ(bgr.shape(), (Shape{1, 4, 6, 3}));
  for (std::int64_t pixel = 0; pixel < 24; ++pixel) {
    for (std::int64_t c = 0; c < 3; ++c) EXPECT_EQ(bgr.at(pixel * 3 + c), rgb.at((2 - c) * 24 + pixel));
  }
}

TEST(Image, GreyIsTheSameFromColourAndFromGrey) {
  const Array from_colour = read_image(fixture("picture.png"), raw(1));
  const Array from_grey = read_image(fixture("grey.pgm"), raw(1));
  ASSERT_EQ(from_colour.shape(), (Shape{1, 1, 4, 6}));
  for (std::int64_t i = 0; i < 24; ++i) EXPECT_NEAR(from_colour.at(i), from_grey.at(i), 1.0);
}

TEST(Image, MeanAndDeviationApplyPerChannel) {
  ImageOptions options;
  options.mean = {0.5, 0.25, 0.125};
  options.stddev = {0.1, 0.2, 0.4};
  const Array array = read_image(fixture("picture.png"), options);
  EXPECT_FLOAT_EQ(static_cast<float>(array.at(5)), static_cast<float>((200 / 255.0 - 0.5) / 0.1));
  EXPECT_FLOAT_EQ(static_cast<float>(array.at(24 + 18)), static_cast<float>((180 / 255.0 - 0.25) / 0.2));
  EXPECT_FLOAT_EQ(static_cast<float>(array.at(48)), static_cast<float>((7 / 255.0 - 0.125) / 0.4));
}

TEST(Image, ResizingAgreesWithPillowsBilinear) {
  ImageOptions options = raw(1);
  options.height = 2;
  options.width = 3;
  const Array ours = read_image(fixture("red.pgm"), options);
  const Array pillow = read_image(fixture("red_3x2.pgm"), raw(1));
  ASSERT_EQ(ours.shape(), pillow.shape());
  for (std::int64_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours.at(i), pillow.at(i), 1.0) << i;
}

TEST(Image, EnlargingAConstantPictureKeepsIt) {
  ImageOptions options = raw(1);
  options.height = 37;
  options.width = 53;
  options.scale = 1.0;
  TemporaryFolder folder;
  write_bytes(folder / "flat.pgm", "P5\n# a comment\n2 2\n255\n" + std::string(4, '\x64'));
  const Array array = read_image(folder / "flat.pgm", options);
  for (std::int64_t i = 0; i < array.size(); ++i) ASSERT_EQ(array.at(i), 100.0);
}

TEST(Image, OptionsThatMakeNoSenseAreRefused) {
  ImageOptions channels = raw(2);
  ImageOptions mean = raw();
  mean.mean = {1, 2};
  ImageOptions deviation = raw();
  deviation.stddev = {0};
  ImageOptions size = raw();
  size.height = 1 << 20;
  for (const ImageOptions& options : {channels, mean, deviation, size}) {
    try {
      (void)read_image(fixture("picture.png"), options);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
    }
  }
}

TEST(Image, EveryTruncationIsAnError) {
  TemporaryFolder folder;
  for (const char* name :
       {"picture.png", "picture.bmp", "picture.ppm", "grey.pgm", "flat.jpg", "progressive.jpg", "print.jpg"}) {
    const std::string whole = read_bytes(fixture(name));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      write_bytes(folder / name, whole.substr(0, length));
      EXPECT_THROW((void)read_image(folder / name, raw()), Error) << name << " cut to " << length;
    }
  }
}

// A BMP of no width was resized to zeros: a picture that was never there. Found by fuzz_image.
TEST(Image, PicturesWithoutPixelsAreRefused) {
  TemporaryFolder folder;
  for (const std::size_t extent_at : {std::size_t{18}, std::size_t{22}}) {
    std::string altered = read_bytes(fixture("picture.bmp"));
    for (std::size_t i = 0; i < 4; ++i) altered[extent_at + i] = 0;
    write_bytes(folder / "none.bmp", altered);
    ImageOptions options = raw();
    options.height = options.width = 4;
    EXPECT_THROW((void)read_image(folder / "none.bmp", options), Error) << extent_at;
  }
}

TEST(Image, AlteredBytesNeverCrash) {
  TemporaryFolder folder;
  for (const char* name : {"picture.png", "picture.bmp", "picture.ppm", "flat.jpg", "progressive.jpg", "print.jpg"}) {
    const std::string whole = read_bytes(fixture(name));
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char flip : {'\x01', '\x10', '\x80', '\xFF'}) {
        std::string altered = whole;
        altered[at] = static_cast<char>(altered[at] ^ flip);
        write_bytes(folder / name, altered);
        try {
          (void)read_image(folder / name, raw());
        } catch (const Error&) {
        }
      }
    }
  }
}

TEST(Image, PathsOfPicturesAreRecognised) {
  EXPECT_TRUE(is_image_path("a/B.PNG"));
  EXPECT_TRUE(is_image_path("x.jpeg"));
  EXPECT_FALSE(is_image_path("x.npy"));
  EXPECT_FALSE(is_image_path("png"));
}

}  // namespace
}  // namespace mho::io
