// Invariant: every form of `-i` gives the array that was meant, or an error that lists what there is.
#include "inputs.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "temporary_folder.h"
#include "thrown.h"

namespace mho::cli {
namespace {

using Entries = std::vector<io::ArrayEntry>;

Port port(std::string name, Shape shape) { return {std::move(name), "float", std::move(shape), {}}; }

const std::vector<Port> kOne = {port("image", {-1, 1, 8, 8})};
const std::vector<Port> kTwo = {port("a", {-1, 2}), port("b=c", {-1, 3})};

Array counted_floats(Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0F);
  return {std::move(shape), values};
}

Inputs read(const std::vector<std::string>& arguments, const std::vector<Port>& ports) {
  std::vector<NamedText> named;
  for (const std::string& argument : arguments) named.push_back(parse_named(argument, ports));
  return read_inputs(named, ports, {});
}

TEST(Inputs, ReferencesMayNameAnArrayOfAnArchive) {
  EXPECT_EQ(parse_reference("x.npy").file, "x.npy");
  EXPECT_EQ(parse_reference("d/x.npz:images").file, "d/x.npz");
  EXPECT_EQ(parse_reference("d/x.npz:images").array, "images");
  EXPECT_EQ(parse_reference("x.npz").array, "");
  EXPECT_EQ(parse_reference("c:x.npy").file, "c:x.npy");
}

TEST(Inputs, NamesMayContainEqualsSigns) {
  EXPECT_EQ(parse_named("a=x.npy", kTwo).input, "a");
  EXPECT_EQ(parse_named("b=c=x.npy", kTwo).input, "b=c");
  EXPECT_EQ(parse_named("b=c=x.npy", kTwo).value, "x.npy");
  EXPECT_EQ(parse_named("x.npy", kTwo).input, "");
}

TEST(Inputs, UnknownInputNamesAreRefusedWithTheNamesThereAre) {
  const Thrown thrown = thrown_by([] { (void)parse_named("q=x.npy", kTwo); });
  EXPECT_EQ(thrown.code, Code::kInvalidArgument);
  EXPECT_TRUE(thrown.says("'q'") && thrown.says("a, b=c")) << thrown.message;
  EXPECT_EQ(thrown_by([] { (void)parse_named("x.npy", {}); }).code, Code::kInvalidArgument);
}

TEST(Inputs, FilesWithAnEqualsSignInTheirNameAreFiles) {
  const TemporaryFolder folder;
  io::write_npy(folder / "q=1.npy", counted_floats({1, 1, 8, 8}));
  EXPECT_EQ(parse_named(folder / "q=1.npy", kOne).input, "");
}

TEST(Inputs, FitMeansSameRankAndFixedExtents) {
  EXPECT_TRUE(fits(kOne[0], {36, 1, 8, 8}));
  EXPECT_FALSE(fits(kOne[0], {36}));
  EXPECT_FALSE(fits(kOne[0], {36, 3, 8, 8}));
  EXPECT_TRUE(fits(port("x", {1, 4}), {7, 4})) << "a declared 1 in front is the example axis";
  EXPECT_FALSE(fits(port("x", {2, 4}), {7, 4})) << "another declared number is not";
}

TEST(Inputs, ArchivesGiveTheArrayOfTheName) {
  const Entries arrays = {{"image", DType::f32, {1}}, {"images", DType::f32, {2, 1, 8, 8}}};
  EXPECT_EQ(choose_array(kOne[0], arrays, "f.npz"), "image");
}

TEST(Inputs, ArchivesGiveTheOnlyArrayThatFits) {
  const Entries arrays = {{"pixels", DType::f32, {2, 1, 8, 8}}, {"labels", DType::f32, {2}}};
  EXPECT_EQ(choose_array(kOne[0], arrays, "f.npz"), "pixels");
}

TEST(Inputs, ArchivesGiveTheUsualNameAmongThoseThatFit) {
  const Entries arrays = {{"X", DType::f32, {2, 1, 8, 8}}, {"masks", DType::f32, {2, 1, 8, 8}}};
  EXPECT_EQ(choose_array(kOne[0], arrays, "f.npz"), "X");
}

TEST(Inputs, ArchivesThatLeaveADoubtAreRefusedWithTheirContents) {
  const Entries two = {{"p", DType::f32, {2, 1, 8, 8}}, {"q", DType::f32, {2, 1, 8, 8}}};
  const Thrown several = thrown_by([&] { (void)choose_array(kOne[0], two, "f.npz"); });
  EXPECT_EQ(several.code, Code::kInvalidArgument);
  EXPECT_TRUE(several.says("p float32 [2, 1, 8, 8]") && several.says("f.npz:ARRAY")) << several.message;
  const Thrown none = thrown_by([&] { (void)choose_array(kOne[0], Entries{{"labels", DType::f32, {2}}}, "f.npz"); });
  EXPECT_TRUE(none.says("no array fits") && none.says("labels")) << none.message;
}

TEST(Inputs, TheDigitsFeedTheModelWithTheirImages) {
  const Inputs inputs = read({MHO_SOURCE_DIR "/examples/digits/digits.npz"}, kOne);
  ASSERT_TRUE(inputs.contains("image"));
  EXPECT_EQ(inputs.at("image").shape(), (Shape{36, 1, 8, 8}));
}

TEST(Inputs, SeveralFilesAreJoinedToOneBatchInTheirOrder) {
  const TemporaryFolder folder;
  io::write_npy(folder / "a.npy", counted_floats({1, 2}));
  io::write_npy(folder / "b.npy", counted_floats({2, 2}));
  const Inputs inputs = read({"a=" + (folder / "b.npy"), "a=" + (folder / "a.npy")}, kTwo);
  const Array& joined = inputs.at("a");
  EXPECT_EQ(joined.shape(), (Shape{3, 2}));
  std::vector<double> values;
  for (std::int64_t i = 0; i < joined.size(); ++i) values.push_back(joined.at(i));
  EXPECT_EQ(values, (std::vector<double>{0, 1, 2, 3, 0, 1}));
}

TEST(Inputs, FilesOfDifferentShapesAreNotJoined) {
  const std::vector<Array> parts = {counted_floats({1, 2}), counted_floats({1, 3})};
  EXPECT_EQ(thrown_by([&] { (void)concatenate(parts, "x"); }).code, Code::kInvalidArgument);
}

TEST(Inputs, OneExampleWithoutItsAxisGetsIt) {
  const TemporaryFolder folder;
  io::write_npy(folder / "x.npy", counted_floats({1, 8, 8}));
  EXPECT_EQ(read({folder / "x.npy"}, kOne).at("image").shape(), (Shape{1, 1, 8, 8}));
}

TEST(Inputs, ArchivesFeedInputsByNameInModelsWithSeveral) {
  const TemporaryFolder folder;
  io::write_npz(folder / "x.npz",
                {{"a", counted_floats({4, 2})}, {"b=c", counted_floats({4, 3})}, {"y", counted_floats({4})}});
  const Inputs inputs = read({folder / "x.npz"}, kTwo);
  EXPECT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs.at("b=c").shape(), (Shape{4, 3}));
  EXPECT_EQ(read({"b=c=" + (folder / "x.npz:b=c")}, kTwo).size(), 1U);

  io::write_npz(folder / "y.npz", {{"y", counted_floats({4})}});
  const Thrown thrown = thrown_by([&] { (void)read({folder / "y.npz"}, kTwo); });
  EXPECT_TRUE(thrown.says("a, b=c") && thrown.says("y float32 [4]")) << thrown.message;
}

TEST(Inputs, MissingAndUnknownFilesAreNamed) {
  EXPECT_EQ(thrown_by([] { (void)read({"/nowhere/x.npy"}, kOne); }).code, Code::kIo);
  EXPECT_EQ(thrown_by([] { (void)read({"x.doc"}, kOne); }).code, Code::kInvalidArgument);
  const std::string digits = MHO_SOURCE_DIR "/examples/digits/digits.npz:pixels";
  EXPECT_TRUE(thrown_by([&] { (void)read({digits}, kOne); }).says("labels int64 [36]"));
}

TEST(Inputs, PicturesTakeWhatTheModelDeclares) {
  const io::ImageOptions grey = picture_options({}, kOne[0]);
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.height, 8);
  EXPECT_EQ(grey.width, 8);
  const io::ImageOptions last = picture_options({}, port("x", {-1, 20, 30, 3}));
  EXPECT_TRUE(last.channels_last);
  EXPECT_EQ(last.height, 20);
  EXPECT_EQ(last.width, 30);
  PictureArguments told;
  told.size = "5x6";
  told.grey = true;
  const io::ImageOptions options = picture_options(told, port("x", {-1, 3, -1, -1}));
  EXPECT_EQ(options.channels, 1);
  EXPECT_EQ(options.height, 5);
  EXPECT_EQ(options.width, 6);
  told.size = "5";
  EXPECT_EQ(thrown_by([&] { (void)picture_options(told, kOne[0]); }).code, Code::kInvalidArgument);
}

TEST(Inputs, PicturesBecomeExamples) {
  const std::string picture = MHO_SOURCE_DIR "/tests/data/io/grey.pgm";
  const Inputs inputs = read({picture, picture}, kOne);
  EXPECT_EQ(inputs.at("image").shape(), (Shape{2, 1, 8, 8}));
}

TEST(Inputs, ExampleRangesAreHalfOpen) {
  EXPECT_EQ(parse_examples("2:5").first, 2);
  EXPECT_EQ(parse_examples("2:5").last, 5);
  EXPECT_EQ(parse_examples(":5").first, 0);
  EXPECT_EQ(parse_examples("4").last, 5);
  for (const char* bad : {"", "5:2", "2:2", "-1:2", "1:2:3", "a:b", "1:x"}) {
    EXPECT_EQ(thrown_by([&] { (void)parse_examples(bad); }).code, Code::kInvalidArgument) << bad;
  }
}

TEST(Inputs, KeptExamplesAreThoseOfTheRange) {
  Inputs inputs = {{"a", counted_floats({4, 2})}};
  const ExampleRange kept = keep_examples(inputs, kTwo, parse_examples("1:"), count_examples(inputs, kTwo));
  EXPECT_EQ(kept.last, 4);
  const Array& array = inputs.at("a");
  EXPECT_EQ(array.shape(), (Shape{3, 2}));
  EXPECT_EQ(array.at(0), 2);
  EXPECT_EQ(array.at(5), 7);
  EXPECT_EQ(thrown_by([&] { keep_examples(inputs, kTwo, parse_examples("0:4"), 3); }).code, Code::kInvalidArgument);
  EXPECT_EQ(thrown_by([&] { keep_examples(inputs, kTwo, parse_examples("3:"), 3); }).code, Code::kInvalidArgument);
}

TEST(Inputs, SharedInputsAreNotCut) {
  const std::vector<Port> ports = {port("x", {-1, 2}), port("table", {4, 2})};
  Inputs inputs = {{"x", counted_floats({4, 2})}, {"table", counted_floats({4, 2})}};
  keep_examples(inputs, ports, parse_examples("0:1"), 4);
  EXPECT_EQ(inputs.at("x").shape(), (Shape{1, 2}));
  EXPECT_EQ(inputs.at("table").shape(), (Shape{4, 2}));
}

}  // namespace
}  // namespace mho::cli
