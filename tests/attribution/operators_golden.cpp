// Operators whose backend test-suite cases are few: outputs are those of ONNX Runtime (tests/golden/make_operators.py).
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace mho {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> golden_operators() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(MHO_SOURCE_DIR) / "tests/golden/operators")) {
    if (entry.path().extension() == ".onnx") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class GoldenOperators : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenOperators, GiveTheOutputsOfOnnxRuntime) {
  const fs::path folder = fs::path(MHO_SOURCE_DIR) / "tests/golden/operators";
  const auto values = io::read_npz(folder / (GetParam() + ".npz"));
  // One example: what the operator does with its axes is not the batch's business here.
  const Model model = Model::load(folder / (GetParam() + ".onnx"), {.one_example = true});
  Inputs inputs;
  for (const Port& port : model.inputs()) inputs.emplace(port.name, values.at(port.name));
  std::size_t compared = 0;
  for (const auto& [name, actual] : model.run(inputs)) {
    const Array& expected = values.at("out:" + name);
    ASSERT_EQ(actual.shape(), expected.shape()) << name;
    double largest = 1;
    for (std::int64_t i = 0; i < expected.size(); ++i) largest = std::max(largest, std::abs(expected.at(i)));
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(actual.at(i), expected.at(i), 2e-6 * largest) << name << " at " << i;
    }
    ++compared;
  }
  EXPECT_GT(compared, 0U);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenOperators, ::testing::ValuesIn(golden_operators()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace mho
