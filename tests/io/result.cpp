// Invariant: a result file holds every array of the result under the documented names, and its metadata is JSON.
#include <gtest/gtest.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/temporary_folder.h"

namespace mho::io {
namespace {

Result example() {
  LayerResult cut;
  cut.name = "/conv/Relu_output_0";
  cut.op = "Relu";
  cut.cut = true;
  cut.values = Array({2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6});
  cut.estimated_error = {0.001, 0.002};
  cut.residual = {0.5, -0.5};
  cut.cancellation = {2, 300};
  LayerResult other = cut;
  other.name = "mho/target";  // a name that a model may well use and that this file uses, too
  other.residual.clear();
  other.cancellation.clear();
  Result result;
  result.layers = {cut, other};
  result.f_input = {3, 4};
  result.f_baseline = {1, 2};
  result.target = {7, 8};
  result.evaluations = {16, 32};
  result.steps = {8, 16};
  result.converged = {true, false};
  result.target_tensor = "bad \xFF name";
  result.metadata = {{"method", "nig"}};
  return result;
}

TEST(WriteResult, HoldsEveryArrayByItsName) {
  TemporaryFolder folder;
  write_result(folder / "r.npz", example());
  const auto arrays = read_npz(folder / "r.npz");
  EXPECT_EQ(arrays.at("/conv/Relu_output_0").shape(), (Shape{2, 3}));
  EXPECT_EQ(arrays.at("layer:mho/target").at(5), 6.0);
  EXPECT_EQ(arrays.at("mho/f_input").at(1), 4.0);
  EXPECT_EQ(arrays.at("mho/f_baseline").at(1), 2.0);
  EXPECT_EQ(arrays.at("mho/target").at(0), 7.0);
  EXPECT_EQ(arrays.at("mho/evaluations").at(1), 32.0);
  EXPECT_EQ(arrays.at("mho/steps").at(1), 16.0);
  EXPECT_EQ(arrays.at("mho/converged").dtype(), DType::b8);
  EXPECT_EQ(arrays.at("mho/converged").at(1), 0.0);
  EXPECT_EQ(arrays.at("mho/residual//conv/Relu_output_0").at(1), -0.5);
  EXPECT_EQ(arrays.at("mho/cancellation//conv/Relu_output_0").at(1), 300);
  EXPECT_EQ(arrays.count("mho/residual/layer:mho/target"), 0u);
  EXPECT_EQ(arrays.at("mho/estimated_error/layer:mho/target").at(0), 0.001);
}

TEST(WriteResult, MetadataIsJsonEvenWhenNamesAreNotUtf8) {
  TemporaryFolder folder;
  write_result(folder / "r.npz", example());
  const auto metadata = nlohmann::json::parse(read_npz_texts(folder / "r.npz").at("mho/metadata"));
  EXPECT_EQ(metadata.at("target_tensor"), "bad \uFFFD name");
  EXPECT_EQ(metadata.at("run").at("method"), "nig");
  EXPECT_EQ(metadata.at("layers").at(1).at("array"), "layer:mho/target");
  EXPECT_EQ(metadata.at("layers").at(0).at("shape"), (std::vector<int>{2, 3}));
}

TEST(ReadResult, ReturnsWhatWasWritten) {
  TemporaryFolder folder;
  const Result written = example();
  write_result(folder / "r.npz", written);
  const Result read = read_result(folder / "r.npz");
  ASSERT_EQ(read.layers.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.layers[i].name, written.layers[i].name);
    EXPECT_EQ(read.layers[i].op, "Relu");
    EXPECT_EQ(read.layers[i].cut, true);
    EXPECT_EQ(read.layers[i].values.shape(), (Shape{2, 3}));
    EXPECT_TRUE(std::ranges::equal(read.layers[i].values.as<double>(), written.layers[i].values.as<double>()));
    EXPECT_EQ(read.layers[i].residual, written.layers[i].residual);
    EXPECT_EQ(read.layers[i].cancellation, written.layers[i].cancellation);
    EXPECT_EQ(read.layers[i].estimated_error, written.layers[i].estimated_error);
    EXPECT_TRUE(std::isnan(read.layers[i].precision_error));
  }
  EXPECT_EQ(read.f_input, written.f_input);
  EXPECT_EQ(read.f_baseline, written.f_baseline);
  EXPECT_EQ(read.target, written.target);
  EXPECT_EQ(read.evaluations, written.evaluations);
  EXPECT_EQ(read.steps, written.steps);
  EXPECT_EQ(read.converged, written.converged);
  EXPECT_EQ(read.metadata, written.metadata);
}

TEST(ReadResult, RefusesOtherArchivesAndMissingColumns) {
  TemporaryFolder folder;
  write_npz(folder / "other.npz", {{"x", Array({2}, std::vector<double>{1, 2})}});
  EXPECT_THROW((void)read_result(folder / "other.npz"), Error);

  write_result(folder / "r.npz", example());
  auto arrays = read_npz(folder / "r.npz");
  const auto texts = read_npz_texts(folder / "r.npz");
  const auto with = [&](const std::string& name, const Array& array) {
    auto changed = arrays;
    changed.insert_or_assign(name, array);
    write_npz(folder / "changed.npz", changed, texts);
    return folder / "changed.npz";
  };
  EXPECT_THROW((void)read_result(with("mho/f_input", Array(DType::f64, {3}))), Error);
  EXPECT_THROW((void)read_result(with("layer:mho/target", Array(DType::f64, {1, 3}))), Error);
  arrays.erase("mho/steps");
  EXPECT_THROW((void)read_result(with("mho/f_input", Array(DType::f64, {2}))), Error);
  write_npz(folder / "text.npz", {}, {{"mho/metadata", "{"}});
  EXPECT_THROW((void)read_result(folder / "text.npz"), Error);
}

}  // namespace
}  // namespace mho::io
