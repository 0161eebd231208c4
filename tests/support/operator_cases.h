// Cases of an ONNX operator with random shapes and attributes: what tests/operators/<file>.cpp makes for
// src/onnx/ops/<file>.cpp. They are lowered, damaged, differentiated and run on both devices by the tests of the
// floors.
#pragma once

#include <fmt/format.h>
#include <mho/array.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/onnx_builder.h"

namespace mho::testing {

struct Range {
  double low = -1.5;
  double high = 1.5;
};

/// A model around one operator.
struct OperatorCase {
  std::string name;                                       ///< operator, opset, what is special
  ModelBuilder model;                                     ///< all inputs with extents, none with symbols
  std::map<std::string, Range, std::less<>> ranges = {};  ///< of real inputs: elements are drawn from them
  std::map<std::string, Array, std::less<>> values = {};  ///< of integer and boolean inputs: what is fed
  bool straight_through = false;                          ///< the gradient is by definition not that of the function
  bool has_rule = true;                                   ///< false: DeepLIFT must refuse it
};

using OperatorCases = std::vector<OperatorCase>;

/// Random numbers for cases. The same seed gives the same cases.
class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  [[nodiscard]] bool coin() { return integer(0, 1) == 1; }
  [[nodiscard]] double real(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  template <class T>
  [[nodiscard]] T one_of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(choices.size()) - 1))];
  }
  /// `rank` extents in [low, high].
  [[nodiscard]] Shape shape(std::size_t rank, std::int64_t low = 1, std::int64_t high = 4) {
    Shape extents(rank);
    for (std::int64_t& extent : extents) extent = integer(low, high);
    return extents;
  }
  [[nodiscard]] std::vector<float> floats(const Shape& shape, Range range = {}) {
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& v : values) v = static_cast<float>(real(range.low, range.high));
    return values;
  }
  [[nodiscard]] std::vector<std::int64_t> integers(const Shape& shape, std::int64_t low, std::int64_t high) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(element_count(shape)));
    for (std::int64_t& v : values) v = integer(low, high);
    return values;
  }

 private:
  std::mt19937 random_;
};

[[nodiscard]] inline std::vector<Extent> extents_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

/// A model with real input "x" of this shape and output "y"; the caller adds the nodes.
[[nodiscard]] inline ModelBuilder model_of_x(const Shape& shape, std::int64_t opset) {
  ModelBuilder model(opset, 10);
  model.input("x", extents_of(shape)).output("y");
  return model;
}

/// Cases y = type(x, more...), one node each.
class CaseList {
 public:
  /// Adds one; elements of x are drawn from `range`. What `more` names, the caller adds to last().model.
  NodeHandle add(const std::string& type, const Shape& x, std::int64_t opset, const std::vector<std::string>& more = {},
                 Range range = {}) {
    cases_.push_back({fmt::format("{} {}", type, opset), model_of_x(x, opset), {{"x", range}}});
    std::vector<std::string> inputs{"x"};
    inputs.insert(inputs.end(), more.begin(), more.end());
    return cases_.back().model.node(type, inputs, {"y"});
  }
  [[nodiscard]] OperatorCase& last() { return cases_.back(); }
  [[nodiscard]] ModelBuilder& model() { return cases_.back().model; }
  [[nodiscard]] OperatorCases take() && { return std::move(cases_); }

 private:
  OperatorCases cases_;
};

using Ints = std::vector<std::int64_t>;

/// The cases of all files in tests/operators.
[[nodiscard]] OperatorCases operator_cases(unsigned seed);

}  // namespace mho::testing
