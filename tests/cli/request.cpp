// Invariant: options that make no sense, alone or together, are refused before anything is read.
#include "request.h"

#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "thrown.h"

namespace mho::cli {
namespace {

AttributeArguments with(void (*change)(AttributeArguments&)) {
  AttributeArguments arguments;
  change(arguments);
  return arguments;
}

TEST(RequestOptions, DefaultsAreThoseOfTheLibrary) {
  const Request request = make_request({});
  const Request library;
  EXPECT_EQ(request.method, library.method);
  EXPECT_EQ(request.quadrature, library.quadrature);
  EXPECT_EQ(request.tolerance, library.tolerance);
  EXPECT_EQ(request.max_steps, library.max_steps);
  EXPECT_EQ(request.memory_budget, library.memory_budget);
  EXPECT_EQ(request.steps, 0);
}

TEST(RequestOptions, StepsAloneLeaveTheRuleToTheModel) {
  const Request request = make_request(with([](AttributeArguments& a) { a.steps = 50; }));
  EXPECT_EQ(request.quadrature, Quadrature::kAdaptive);
  EXPECT_EQ(request.steps, 50);
  EXPECT_EQ(quadrature_text(request), "50 segments, by secants, or trapezoids on smooth models");
}

TEST(RequestOptions, PathsAreDescribed) {
  EXPECT_EQ(quadrature_text(make_request({})), "adaptive to tolerance 0.01, at most 1024 segments");
  EXPECT_EQ(quadrature_text(make_request(with([](AttributeArguments& a) { a.method = "gradient"; }))), "");
}

TEST(RequestOptions, ContradictionsAreRefused) {
  void (*const cases[])(AttributeArguments&) = {
      [](AttributeArguments& a) { a.method = "shapley"; },
      [](AttributeArguments& a) { a.quadrature = "simpson"; },
      [](AttributeArguments& a) { a.quadrature = "midpoint"; },
      [](AttributeArguments& a) { a.steps = 0; },
      [](AttributeArguments& a) { a.steps = 4, a.tolerance = 0.1; },
      [](AttributeArguments& a) { a.steps = 4, a.max_steps = 8; },
      [](AttributeArguments& a) { a.tolerance = 0; },
      [](AttributeArguments& a) { a.tolerance = 1; },
      [](AttributeArguments& a) { a.tolerance = std::numeric_limits<double>::quiet_NaN(); },
      [](AttributeArguments& a) { a.max_steps = 0; },
      [](AttributeArguments& a) { a.split_by_input = true; },
      [](AttributeArguments& a) { a.method = "activation", a.tolerance = 0.1; },
      [](AttributeArguments& a) { a.method = "ig", a.layers = {"relu1"}; },
      [](AttributeArguments& a) {
        a.layers = {"relu1", ""};
      },
      [](AttributeArguments& a) { a.memory = "lots"; },
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(thrown_by([&] { (void)make_request(with(cases[i])); }).code, Code::kInvalidArgument) << "case " << i;
  }
}

TEST(RequestOptions, AModelBehindTheInputsIsFound) {
  AttributeArguments arguments;
  arguments.inputs = {"x.npy", "m.onnx"};
  find_model(arguments);
  EXPECT_EQ(arguments.model, "m.onnx");
  EXPECT_EQ(arguments.inputs, std::vector<std::string>{"x.npy"});
  arguments.model.clear();
  EXPECT_EQ(thrown_by([&] { find_model(arguments); }).code, Code::kInvalidArgument);
}

TEST(Destinations, ExistingFilesNeedForce) {
  const TemporaryFolder folder;
  AttributeArguments arguments;
  arguments.result = folder / "r.npz";
  EXPECT_FALSE(thrown_by([&] { check_destinations(arguments); }).code);
  write_text(arguments.result, "x");
  const Thrown thrown = thrown_by([&] { check_destinations(arguments); });
  EXPECT_EQ(thrown.code, Code::kInvalidArgument);
  EXPECT_TRUE(thrown.says("--force")) << thrown.message;
  arguments.force = true;
  EXPECT_FALSE(thrown_by([&] { check_destinations(arguments); }).code);
}

TEST(Destinations, FilesThatTheRunReadsAreNeverReplaced) {
  const TemporaryFolder folder;
  AttributeArguments arguments;
  arguments.force = true;
  arguments.result = write_text(folder / "x.npz", "x");
  for (const std::string& input : {arguments.result, "image=" + arguments.result, arguments.result + ":images"}) {
    arguments.inputs = {input};
    EXPECT_EQ(thrown_by([&] { check_destinations(arguments); }).code, Code::kInvalidArgument) << input;
  }
  arguments.inputs.clear();
  arguments.target = "@" + arguments.result + ":labels";
  EXPECT_EQ(thrown_by([&] { check_destinations(arguments); }).code, Code::kInvalidArgument);
}

TEST(Destinations, EndingAndFolderAreChecked) {
  const TemporaryFolder folder;
  for (const std::string& bad : {folder / "r.npy", folder / "none/r.npz", folder / ".npz/"}) {
    AttributeArguments arguments;
    arguments.result = bad;
    EXPECT_EQ(thrown_by([&] { check_destinations(arguments); }).code, Code::kInvalidArgument) << bad;
  }
  AttributeArguments arguments;
  arguments.picture = folder / "p.jpg";
  EXPECT_TRUE(thrown_by([&] { check_destinations(arguments); }).says(".png"));
}

}  // namespace
}  // namespace mho::cli
