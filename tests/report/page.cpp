// Invariant: a page holds one script that may run, whatever the result's texts are, and stays below its size.
#include "report/page.h"

#include <gtest/gtest.h>
#include <mho/report.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

#include "report/assets.h"
#include "report/data.h"
#include "report/results.h"

namespace mho::report {
namespace {

using nlohmann::json;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

json document(const Result& result, const Options& options = {}) {
  return json::parse(make_data(result, options, 0).json);
}

TEST(Page, HostileTextsStayTexts) {
  const std::string hostile = "</script><script>alert(1)</script><!--<script>";
  Result result = report::result({layer(hostile, {2, 3}), layer("\xff\xc0 not UTF-8 \x80", {2, 4})});
  result.metadata["command"] = hostile;
  result.metadata[hostile] = "\xfe";
  result.target_note = hostile;
  Options options;
  options.labels = {"", "", "", hostile};
  options.title = hostile;
  const std::string page = make_page(result, options);
  const std::string plain = make_page(report::result({layer("a", {2, 3}), layer("b", {2, 4})}), {});
  EXPECT_EQ(count(page, "</script"), count(plain, "</script"));
  EXPECT_EQ(count(page, "<script"), count(plain, "<script"));
  EXPECT_EQ(page.find("<!--@"), std::string::npos);
  const json data = document(result, options);
  EXPECT_EQ(data["layers"][0]["name"], hostile);
  EXPECT_EQ(data["labels"]["3"], hostile);
  EXPECT_EQ(data["run"]["command"], hostile);
}

TEST(Page, RandomBytesAsNamesLeaveThePageWhole) {
  std::mt19937 random(7);
  for (int i = 0; i < 50; ++i) {
    std::string name;
    for (int k = 0; k < 40; ++k) name += static_cast<char>(random() % 256);
    Result result = report::result({layer(name, {1, 2})});
    result.metadata["model"] = name;
    EXPECT_NO_THROW(static_cast<void>(document(result))) << i;
  }
}

TEST(Page, MarksOfTheTemplateInTextsAreNotReplaced) {
  Options options;
  options.title = "<!--@data-->";
  const std::string page = make_page(report::result({layer("a", {1, 2})}), options);
  EXPECT_NE(page.find("<title>&lt;!--@data--&gt;</title>"), std::string::npos);
  EXPECT_EQ(count(page, "id=\"data\""), 1U);
}

TEST(Page, NothingIsLoadedFromAnywhere) {
  const std::string page = make_page(report::result({layer("a", {1, 2})}), {});
  EXPECT_NE(page.find("default-src 'none'; script-src 'sha256-"), std::string::npos);
  EXPECT_EQ(page.find("unsafe-eval"), std::string::npos);
  const std::string before = page.substr(0, page.find("mho.define("));
  EXPECT_FALSE(std::regex_search(before, std::regex("<(link|img|iframe|script src)")));
  EXPECT_EQ(assets::script_sha256().size(), 64U);
}

TEST(Page, NumbersAreTheResults) {
  Result result = report::result({layer("conv", {2, 3, 2, 2}), layer("fc", {2, 5})});
  result.layers[1].estimated_error = {std::nan(""), 0.5};
  const json data = document(result);
  EXPECT_EQ(data["count"], 2);
  const auto values = result.layers[0].values.as<double>();
  double positive = 0;
  for (std::size_t i = 0; i < 12; ++i) positive += std::max(values[i], 0.0);
  EXPECT_DOUBLE_EQ(data["layers"][0]["positive"][0].get<double>(), positive);
  EXPECT_TRUE(data["layers"][1]["estimated_error"][0].is_null());
  EXPECT_EQ(data["layers"][1]["estimated_error"][1], 0.5);
  EXPECT_EQ(data["f_input"], json::parse("[2.0, 2.0]"));
  EXPECT_TRUE(data["notes"].empty());
}

TEST(Page, ExamplesAreCutAndKeepTheirNumbers) {
  Result result = report::result({layer("fc", {6, 2}, 0, 1)});
  result.target = {0, 1, 2, 3, 4, 5};
  Options options;
  options.first = 2;
  options.last = 4;
  options.numbered_from = 100;
  const json data = document(result, options);
  EXPECT_EQ(data["first"], 102);
  EXPECT_EQ(data["target"], json::parse("[2, 3]"));
  EXPECT_EQ(data["layers"][0]["positive"], json::parse("[9.0, 13.0]"));
  options.first = 6;
  options.last = 9;
  EXPECT_THROW(static_cast<void>(document(result, options)), Error);
}

TEST(Page, StaysBelowItsSizeAndSaysWhatIsLeftOut) {
  const Result result = report::result({layer("conv", {4, 32, 40, 40}), layer("fc", {4, 2000})});
  Options options;
  options.inputs.emplace("image", Array(DType::f32, {4, 3, 40, 40}));
  const std::string whole = make_page(result, options);
  for (const std::int64_t most : {std::int64_t{1000000}, std::int64_t{700000}, std::int64_t{640000}}) {
    options.max_bytes = most;
    const std::string page = make_page(result, options);
    EXPECT_LE(page.size(), static_cast<std::size_t>(most));
    EXPECT_LT(page.size(), whole.size());
    EXPECT_NE(page.find("conv: "), std::string::npos);
  }
  options.max_bytes = 1000;
  EXPECT_THROW(static_cast<void>(make_page(result, options)), Error);
}

TEST(Page, AnotherNumberOfInputsIsRefused) {
  Options options;
  options.inputs.emplace("image", Array(DType::f32, {3, 1, 8, 8}));
  try {
    static_cast<void>(make_page(report::result({layer("fc", {2, 2})}), options));
    FAIL() << "three inputs for two examples";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("'image' has 3 examples, the result 2"), std::string::npos);
  }
}

TEST(Page, EvaluationsOfAnotherFormAreRefused) {
  const Result result = report::result({layer("fc", {2, 2})});
  for (const char* text :
       {"nonsense", "[]", "{}", R"({"layers": []})", R"({"layers": [1]})",
        R"({"layers": [{"name": "a", "units": 2, "removed": [0, 1], "methods": [{"name": "nig"}]}]})"}) {
    Options options;
    options.evaluation = text;
    EXPECT_THROW(static_cast<void>(make_page(result, options)), Error) << text;
  }
}

TEST(Page, IsWrittenWholeUnderItsName) {
  const auto folder = std::filesystem::temp_directory_path() / "mho_report_page";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const Result result = report::result({layer("fc", {2, 2})});
  write_page(folder / "page.html", result);
  EXPECT_EQ(std::filesystem::file_size(folder / "page.html"), make_page(result, {}).size());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_THROW(write_page(folder / "none" / "page.html", result), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mho::report
