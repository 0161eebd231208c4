// Invariant: a baseline is one number, the mean, or arrays for the inputs it names.
#include "baselines.h"

#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "thrown.h"

namespace mho::cli {
namespace {

const std::vector<Port> kPorts = {{"a", "float", {-1, 2}, {}}, {"b", "float", {3}, {}}};

Inputs inputs() { return {{"a", Array(DType::f32, {4, 2})}, {"b", Array(DType::f32, {3})}}; }

Baseline read(const std::vector<std::string>& arguments) { return read_baseline(arguments, kPorts, inputs(), {}); }

TEST(Baselines, NumbersAndTheMean) {
  EXPECT_EQ(std::get<double>(read({})), 0);
  EXPECT_EQ(std::get<double>(read({"-0.5"})), -0.5);
  EXPECT_TRUE(std::holds_alternative<MeanBaseline>(read({"mean"})));
}

TEST(Baselines, NamedNumbersFillTheirInputAndFilesComeBesides) {
  const TemporaryFolder folder;
  io::write_npy(folder / "b.npy", Array({3}, std::vector<float>{1, 2, 3}));
  const auto arrays = std::get<Inputs>(read({"a=2.5", "b=" + (folder / "b.npy")}));
  EXPECT_EQ(arrays.at("a").shape(), (Shape{1, 2})) << "one example";
  EXPECT_EQ(arrays.at("a").at(1), 2.5);
  EXPECT_EQ(arrays.at("b").at(2), 3);
}

TEST(Baselines, FilesWithoutANameAreForTheFirstInput) {
  const TemporaryFolder folder;
  io::write_npy(folder / "a.npy", Array({1, 2}, std::vector<float>{1, 2}));
  EXPECT_TRUE(std::get<Inputs>(read({folder / "a.npy"})).contains("a"));
}

TEST(Baselines, SeveralWithoutNamesAreRefused) {
  const Thrown thrown = thrown_by([] { (void)read({"0", "1"}); });
  EXPECT_EQ(thrown.code, Code::kInvalidArgument);
  EXPECT_TRUE(thrown.says("NAME=NUMBER")) << thrown.message;
  EXPECT_TRUE(thrown_by([] { (void)read({"zeros"}); }).says("neither a number, nor mean"));
  EXPECT_EQ(thrown_by([] { (void)read({"nan"}); }).code, Code::kInvalidArgument);
  EXPECT_EQ(thrown_by([] { (void)read({"c=1"}); }).code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mho::cli
