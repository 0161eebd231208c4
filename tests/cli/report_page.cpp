// Invariant: `mho report` writes one page from a result and its inputs, or says in one line why not.
#include <gtest/gtest.h>
#include <mho/io.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "contains.h"
#include "process.h"
#include "temporary_folder.h"

namespace mho::cli {
namespace {

const std::string kPageCnn = "examples/digits/cnn.onnx";
const std::string kPageDigits = "examples/digits/digits.npz";

/// The JSON document of a page.
nlohmann::json data_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::string mark = "id=\"data\">";
  const std::size_t start = page.find(mark) + mark.size();
  return nlohmann::json::parse(page.substr(start, page.find("</script>", start) - start));
}

/// A result of examples 2 to 4 in `folder`.
std::string result_in(const TemporaryFolder& folder) {
  const std::string file = folder / "r.npz";
  const Finished run = run_program(
      {"attribute", kPageCnn, "-i", kPageDigits, "--examples", "2:5", "-l", "relu*", "-o", file, "--quiet"});
  EXPECT_EQ(run.status, 0) << run.errors;
  return file;
}

void expect_refused(std::vector<std::string> arguments, int status, const std::string& part) {
  arguments.insert(arguments.begin(), "report");
  const Finished run = run_program(arguments);
  EXPECT_EQ(run.status, status) << run.errors;
  EXPECT_TRUE(contains(run.errors, part)) << run.errors;
  EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
}

TEST(ReportPage, InputsAreCutToTheExamplesThatWereAttributed) {
  const TemporaryFolder folder;
  const std::string page = folder / "page.html";
  const Finished run = run_program({"report", result_in(folder), "-i", kPageDigits, "-o", page, "--title", "Digits"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.output, "page      " + page + "\n");
  const auto data = data_of(page);
  EXPECT_EQ(data["title"], "Digits");
  EXPECT_EQ(data["first"], 2);
  EXPECT_EQ(data["count"], 3);
  ASSERT_EQ(data["inputs"].size(), 1U);
  EXPECT_EQ(data["inputs"][0]["kind"], "image");
  EXPECT_EQ(data["inputs"][0]["examples"], 3);
}

TEST(ReportPage, AttributeWritesTheSamePage) {
  const TemporaryFolder folder;
  const std::string page = folder / "page.html";
  const Finished run = run_program(
      {"attribute", kPageCnn, "-i", kPageDigits, "--examples", "2:5", "-l", "relu*", "--report", page, "--quiet"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const std::string other = folder / "other.html";
  ASSERT_EQ(run_program({"report", result_in(folder), "-i", kPageDigits, "-o", other}).status, 0);
  auto direct = data_of(page);
  auto read = data_of(other);
  for (auto* data : {&direct, &read}) {
    (*data)["run"].erase("command");
    for (auto& input : (*data)["inputs"]) input.erase("name");
  }
  EXPECT_EQ(direct, read);
}

TEST(ReportPage, WhatMakesNoSenseIsRefused) {
  const TemporaryFolder folder;
  const std::string result = result_in(folder);
  const std::string page = folder / "page.html";
  expect_refused({result, "-o", folder / "page.txt"}, 2, "the name must end in .html");
  expect_refused({folder / "none.npz", "-o", page}, 1, "none.npz");
  expect_refused({kPageDigits, "-o", page}, 1, "this is not a result file");
  expect_refused({result, "-o", page, "--examples", "7:9"}, 2, "there are 3 examples");
  expect_refused({result, "-o", page, "--max-size", "1K"}, 1, "--max-size");
  expect_refused({result, "-o", page, "--evaluation", result}, 2, "is not what `mho evaluate` writes");
  expect_refused({result, "-o", page, "--evaluation", folder / "none.json"}, 1, "cannot be read");
  EXPECT_FALSE(std::filesystem::exists(page));
  ASSERT_EQ(run_program({"report", result, "-o", page}).status, 0);
  expect_refused({result, "-o", page}, 2, "exists already");
  EXPECT_EQ(run_program({"report", result, "-o", page, "--force"}).status, 0);
}

}  // namespace
}  // namespace mho::cli
