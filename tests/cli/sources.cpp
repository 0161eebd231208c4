// Invariant: sequences, tables, token lists, HDF5 files and folders of pictures become inputs of the declared shape,
// whole or a few examples at a time, with the names that their files have.
#include "sources.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "process.h"
#include "targets.h"
#include "temporary_folder.h"
#include "thrown.h"

namespace mho::cli {
namespace {

namespace fs = std::filesystem;

Port port(std::string name, Shape shape, std::string type = "float") {
  return {std::move(name), std::move(type), std::move(shape), {}};
}

Sources open(const std::vector<std::string>& arguments, const std::vector<Port>& ports,
             const PictureArguments& decoding = {}) {
  std::vector<NamedText> named;
  for (const std::string& argument : arguments) named.push_back(parse_named(argument, ports));
  return open_sources(named, ports, decoding);
}

std::vector<double> values(const Array& array) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < array.size(); ++i) all.push_back(array.at(i));
  return all;
}

const std::string kFixtures = MHO_SOURCE_DIR "/tests/data/io/";

TEST(Sources, SequencesTakeTheShapeThatTheInputDeclares) {
  const TemporaryFolder folder;
  const std::string file = write_text(folder / "x.fa", ">one\nACGTAC\n>two\nTTTTTT\n");
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{-1, 4, 6}, {2, 4, 6}},       {{-1, 6, 4}, {2, 6, 4}},       {{1, 4, -1}, {2, 4, 6}},
      {{-1, -1, 4}, {2, 6, 4}},      {{-1, 1, 4, 6}, {2, 1, 4, 6}}, {{-1, 4, 1, 6}, {2, 4, 1, 6}},
      {{-1, 4, 6, 1}, {2, 4, 6, 1}}, {{-1, -1, -1}, {2, 4, 6}},     {{}, {2, 4, 6}},
  };
  for (const auto& [declared, expected] : shapes) {
    const std::vector<Port> ports = {port("x", declared)};
    const Sources sources = open({file}, ports);
    const Source& source = sources.at("x");
    EXPECT_EQ(source.shape, expected);
    EXPECT_EQ(read_all(source).shape(), expected);
    EXPECT_EQ(example_names(sources, ports), (std::vector<std::string>{"one", "two"}));
    const Array second = source.read(1, 2);
    const bool letters_last = expected.back() == 4;
    EXPECT_EQ(second.at(letters_last ? 3 : 18), 1) << "T at the first position";
  }
  for (const Shape& bad : {Shape{-1, 5, 6}, Shape{-1, 6}, Shape{-1, 3, 4, 6}}) {
    EXPECT_EQ(thrown_by([&] { (void)open({file}, {port("x", bad)}); }).code, Code::kInvalidArgument);
  }
  const Thrown longer = thrown_by([&] { (void)open({file}, {port("x", {-1, 4, 7})}); });
  EXPECT_TRUE(longer.says("'one'") && longer.says("7")) << longer.message;
}

TEST(Sources, TablesFillTheDeclaredShapeRowByRow) {
  const TemporaryFolder folder;
  const std::string file = write_text(folder / "x.csv", "a,b,c,d,label\n1,2,3,4,7\n5,6,7,8,9\n");
  const Array cube = read_all(open({file + ":a,b,c,d"}, {port("x", {-1, 2, 2})}).at("x"));
  EXPECT_EQ(cube.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(values(cube), (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(read_all(open({file + ":d,a"}, {port("x", {-1, 2})}).at("x")).at(0), 4);
  const Array ids = read_all(open({"ids=" + file + ":a,b"}, {port("ids", {-1, -1}, "int64")}).at("ids"));
  EXPECT_EQ(ids.dtype(), DType::i64);
  const Thrown wide = thrown_by([&] { (void)open({file}, {port("x", {-1, 4})}); });
  EXPECT_TRUE(wide.says("5 numbers in each row")) << wide.message;
  const std::string half = write_text(folder / "half.csv", "1,2.5\n");
  EXPECT_TRUE(thrown_by([&] { (void)open({half}, {port("x", {-1, 2}, "int64")}); }).says("2.5"));
}

TEST(Sources, TokenListsFeedInputsByName) {
  const TemporaryFolder folder;
  const std::vector<Port> ports = {port("input_ids", {-1, -1}, "int64"), port("attention_mask", {-1, -1}, "int64")};
  const std::string file =
      write_text(folder / "x.json", R"({"input_ids": [[1, 2, 3], [4]], "attention_mask": [[1, 1, 1], [1]]})");
  EXPECT_TRUE(thrown_by([&] { (void)open({file}, ports); }).says("--pad"));
  PictureArguments decoding;
  decoding.padding = {"9", "attention_mask=0"};
  const Inputs inputs = read_all(open({file}, ports, decoding));
  EXPECT_EQ(values(inputs.at("input_ids")), (std::vector<double>{1, 2, 3, 4, 9, 9}));
  EXPECT_EQ(values(inputs.at("attention_mask")), (std::vector<double>{1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(open({"input_ids=" + file + ":attention_mask"}, ports, decoding).size(), 1U);
  const std::string list = write_text(folder / "list.json", "[[5, 6]]");
  EXPECT_EQ(values(read_all(open({list}, ports).at("input_ids"))), (std::vector<double>{5, 6}));
  EXPECT_TRUE(thrown_by([&] { (void)open({file + ":ids"}, ports); }).says("attention_mask, input_ids"));
}

TEST(Sources, Hdf5DataSetsAreReadByRows) {
  const std::vector<Port> ports = {port("x", {-1, 3, 4})};
  for (const std::string name : {"layouts.h5:/plain", "layouts.h5:group/packed"}) {
    const Sources sources = open({kFixtures + name}, ports);
    EXPECT_EQ(sources.at("x").shape, (Shape{5, 3, 4}));
    EXPECT_EQ(sources.at("x").read(2, 3).at(0), 24);
  }
  EXPECT_TRUE(thrown_by([&] { (void)open({kFixtures + "layouts.h5"}, ports); }).says("group/packed float32 [5, 3, 4]"));
  EXPECT_EQ(open({kFixtures + "types.h5"}, {port("little_f4", {-1, 3})}).size(), 1U);
}

TEST(Sources, FoldersArePicturesInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "cat");
  fs::create_directories(folder / "ape");
  fs::copy(kFixtures + "grey.pgm", folder / "cat/b.pgm");
  fs::copy(kFixtures + "red.pgm", folder / "cat/a.pgm");
  fs::copy(kFixtures + "grey.pgm", folder / "ape/z.pgm");
  write_text(folder / "readme.txt", "not a picture");
  const std::vector<Port> ports = {port("x", {-1, 1, 8, 8})};
  const Sources sources = open({folder / "."}, ports);
  EXPECT_EQ(sources.at("x").shape, (Shape{3, 1, 8, 8}));
  const auto names = example_names(sources, ports);
  EXPECT_TRUE(names[0].ends_with("ape/z.pgm") && names[2].ends_with("cat/b.pgm")) << names[0];
  EXPECT_EQ(values(sources.at("x").read(0, 1)), values(sources.at("x").read(2, 3)));

  const Target target = parse_target(fmt::format("@{}", folder / "."), {});
  EXPECT_EQ(std::get<IndexTarget>(target).indices, (std::vector<std::vector<std::int64_t>>{{0}, {1}, {1}}));
  const std::vector<std::string> labels = {"cat", "dog", "ape"};
  EXPECT_EQ(std::get<IndexTarget>(parse_target(fmt::format("@{}", folder / "."), labels)).indices[0][0], 2);
  EXPECT_EQ(thrown_by([&] { (void)open({folder / "none"}, ports); }).code, Code::kInvalidArgument);
  fs::create_directory(folder / "empty");
  EXPECT_TRUE(thrown_by([&] { (void)open({folder / "empty"}, ports); }).says("has no .png"));
}

TEST(Sources, TargetsComeFromAColumn) {
  const TemporaryFolder folder;
  const std::string file = write_text(folder / "x.csv", "id,label\na,3\nb,1\n");
  const Target target = parse_target("@" + file + ":label", {});
  EXPECT_EQ(std::get<IndexTarget>(target).indices, (std::vector<std::vector<std::int64_t>>{{3}, {1}}));
}

TEST(Sources, JoinedSourcesAreReadAcrossTheirSeams) {
  const TemporaryFolder folder;
  const std::string a = write_text(folder / "a.csv", "1,2\n3,4\n5,6\n");
  const std::string b = write_text(folder / "b.csv", "7,8\n");
  const Source source = open({a, b, a}, {port("x", {-1, 2})}).at("x");
  EXPECT_EQ(source.shape, (Shape{7, 2}));
  EXPECT_EQ(values(source.read(2, 5)), (std::vector<double>{5, 6, 7, 8, 1, 2}));
  EXPECT_EQ(source.read(7, 7).size(), 0);
}

TEST(Sources, TheProgramKeepsTheNamesOfSequences) {
  const TemporaryFolder folder;
  const std::string file =
      write_text(folder / "x.fa", ">peak1\nACGTACGTACGTACGTACGT\n>peak2 second\nacgtnnacgtacgtacgtaa\n");
  const std::vector<std::string> words = {
      "attribute", "tests/golden/data/deeplift_genomics.onnx", "-i", file, "-l", "x", "-m", "deeplift", "-o"};
  std::vector<std::string> npz = words;
  npz.push_back(folder / "r.npz");
  const Finished run = run_program(npz);
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.output.find("peak2"), std::string::npos) << run.output;
  EXPECT_EQ(io::read_result(folder / "r.npz").names, (std::vector<std::string>{"peak1", "peak2"}));
  std::vector<std::string> streamed = words;
  streamed.insert(streamed.end(), {folder / "s.npz", "--chunk", "1"});
  ASSERT_EQ(run_program(streamed).status, 0);
  EXPECT_EQ(io::read_result(folder / "s.npz").names, (std::vector<std::string>{"peak1", "peak2"}));
}

}  // namespace
}  // namespace mho::cli
