// Invariant: a target text means one thing only, or it is refused.
#include "targets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mho/io.h>

#include "temporary_folder.h"
#include "thrown.h"

namespace mho::cli {
namespace {

using Index = std::vector<std::int64_t>;
const std::vector<std::string> kLabels = {"cat", "dog", "T-shirt", "a:b", "crane", "crane", "7"};

std::string at(const std::string& file) { return fmt::format("@{}", file); }

Index single(const Target& target) { return std::get<IndexTarget>(target).indices.at(0); }

TEST(Targets, IndicesAndTuples) {
  EXPECT_TRUE(std::holds_alternative<ArgmaxTarget>(parse_target("argmax", {})));
  EXPECT_EQ(single(parse_target("7", {})), Index{7});
  EXPECT_EQ(single(parse_target("-1", {})), Index{-1});
  EXPECT_EQ(single(parse_target("3,1,2", {})), (Index{3, 1, 2}));
}

TEST(Targets, AColonIsADifference) {
  const auto difference = std::get<DifferenceTarget>(parse_target("5:3", {}));
  EXPECT_EQ(difference.plus, Index{5});
  EXPECT_EQ(difference.minus, Index{3});
  const auto named = std::get<DifferenceTarget>(parse_target("T-shirt:a:b", kLabels));
  EXPECT_EQ(named.plus, Index{2});
  EXPECT_EQ(named.minus, Index{3});
}

TEST(Targets, LabelsStandForTheirLineAndWholeNumbersForThemselves) {
  EXPECT_EQ(single(parse_target("dog", kLabels)), Index{1});
  EXPECT_EQ(single(parse_target("a:b", kLabels)), Index{3});
  EXPECT_EQ(single(parse_target("7", kLabels)), Index{7});
}

TEST(Targets, LabelsThatAreNotThereOrThereTwiceAreRefused) {
  const Thrown missing = thrown_by([] { (void)parse_target("shirt", kLabels); });
  EXPECT_EQ(missing.code, Code::kNotFound);
  EXPECT_TRUE(missing.says("'T-shirt'")) << missing.message;
  const Thrown twice = thrown_by([] { (void)parse_target("crane", kLabels); });
  EXPECT_EQ(twice.code, Code::kInvalidArgument);
  EXPECT_TRUE(twice.says("4 and 5")) << twice.message;
}

TEST(Targets, OtherTextsAreRefusedWithTheForms) {
  for (const char* bad : {"", "cat", "1.5", "3,", ":", "3:", ":3", "1:2:3"}) {
    const Thrown thrown = thrown_by([&] { (void)parse_target(bad, {}); });
    EXPECT_EQ(thrown.code, Code::kInvalidArgument) << bad;
    EXPECT_TRUE(thrown.says("argmax")) << thrown.message;
  }
}

TEST(Targets, FilesGiveOneIndexPerExample) {
  const TemporaryFolder folder;
  io::write_npy(folder / "t.npy", Array({3}, std::vector<std::int64_t>{4, 5, 6}));
  Target target = parse_target(at(folder / "t.npy"), {});
  EXPECT_EQ(std::get<IndexTarget>(target).indices, (std::vector<Index>{{4}, {5}, {6}}));
  keep_examples(target, {1, 3}, 3);
  EXPECT_EQ(std::get<IndexTarget>(target).indices, (std::vector<Index>{{5}, {6}}));

  io::write_npy(folder / "tuples.npy", Array({2, 2}, std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(std::get<IndexTarget>(parse_target(at(folder / "tuples.npy"), {})).indices,
            (std::vector<Index>{{1, 2}, {3, 4}}));
}

TEST(Targets, ArchivesGiveTheirOnlyIntegersOrTheArrayNamed) {
  const std::string digits = MHO_SOURCE_DIR "/examples/digits/digits.npz";
  const auto only = std::get<IndexTarget>(parse_target(at(digits), {}));
  const auto named = std::get<IndexTarget>(parse_target(at(digits + ":labels"), {}));
  EXPECT_EQ(only.indices.size(), 36U);
  EXPECT_EQ(only.indices, named.indices);
  // Real numbers are weights; whether there are as many as outputs is known later.
  EXPECT_EQ(std::get<WeightedTarget>(parse_target(at(digits + ":images"), {})).weights.size(), 36U * 64);
  EXPECT_EQ(thrown_by([&] { (void)parse_target(at(digits + ":nothing"), {}); }).code, Code::kInvalidArgument);
  EXPECT_EQ(thrown_by([] { (void)parse_target("@/nowhere/t.npy", {}); }).code, Code::kIo);
}

TEST(Targets, FilesForAnotherNumberOfExamplesAreRefused) {
  Target target = IndexTarget{{{1}, {2}, {3}}};
  const Thrown thrown = thrown_by([&] { keep_examples(target, {0, 4}, 4); });
  EXPECT_EQ(thrown.code, Code::kInvalidArgument);
  EXPECT_TRUE(thrown.says("3 rows for 4 examples")) << thrown.message;
}

TEST(Targets, LabelFilesHaveOneLabelPerLine) {
  const TemporaryFolder folder;
  const std::string file = write_text(folder / "l.txt", "cat\r\ntench, Tinca tinca\n\nlast\n\n");
  EXPECT_EQ(read_labels(file), (std::vector<std::string>{"cat", "tench, Tinca tinca", "", "last"}));
  EXPECT_EQ(thrown_by([&] { (void)read_labels(folder / "none.txt"); }).code, Code::kIo);
  EXPECT_EQ(thrown_by([&] { (void)read_labels(write_text(folder / "e.txt", "\n")); }).code, Code::kInvalidArgument);
}

TEST(Targets, AreToldWithTheirLabel) {
  EXPECT_EQ(target_text(1, kLabels), "1 (dog)");
  EXPECT_EQ(target_text(1, {}), "1");
  EXPECT_EQ(target_text(100, kLabels), "100");
}

}  // namespace
}  // namespace mho::cli
