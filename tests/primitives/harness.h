// From one case (a primitive and its inputs) everything that must hold for a primitive is derived and checked.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation.h"
#include "primitives/primitives.h"

namespace mho::primitives::testing {

struct Input {
  Shape shape;
  double low = -2;
  double high = 2;  ///< reals in [low, high), integers in [low, high]
  DType dtype = kReal;
  bool active = true;            ///< gradients with respect to it are checked
  std::vector<double> values{};  ///< used instead of random numbers unless empty
};

[[nodiscard]] inline Input fixed(Input input) {
  input.active = false;
  return input;
}
[[nodiscard]] inline Input integers(Shape shape, double low, double high) {
  return {std::move(shape), low, high, DType::i64, false};
}
[[nodiscard]] inline Input booleans(Shape shape) { return {std::move(shape), 0, 1, DType::b8, false}; }
[[nodiscard]] inline Input reals(Shape shape, std::vector<double> values) {
  return {std::move(shape), -2, 2, kReal, true, std::move(values)};
}

struct Case {
  PrimitivePtr primitive;
  std::vector<Input> inputs;
  std::vector<double> expected{};  ///< output 0, where it is worth stating; else empty
};

/// What is wrong with the primitive, one line each; empty if nothing. Checked:
///  - forward() fills every element of the inferred outputs and nothing behind them;
///  - vjp() agrees with central differences in double on the reference device (kinks left out), and fills zeros where
///    differentiable() is false;
///  - affine() tells the truth for every set of active inputs, in both directions;
///  - vjp() depends on exactly those tensors that backward_reads() names, for every set of wanted gradients;
///  - the CPU device agrees with the reference, forward and backward, in plain layout and, where layout_rule() and the
///    shapes allow it, in the blocked one;
///  - what multiplier_defects() checks.
[[nodiscard]] std::string defects(const Case& c, std::uint64_t seed = 1);

/// DeepLIFT between two runs in which any set of inputs differs, some elements not at all and some by rounding:
///  - sum of multipliers times differences of the inputs is that of the outputs, and all multipliers are finite;
///  - multipliers() depends on nothing that multiplier_reads() does not name;
///  - magnitudes(): sizes of changes bound the change, and are its size where nothing mixes;
///  - the CPU device agrees with the reference in plain layout, and in the blocked one if `blocked` says how.
[[nodiscard]] std::string multiplier_defects(const Case& c, std::uint64_t seed, const std::optional<Layouts>& blocked);

/// Gradients of all active inputs on the reference device, for the cotangent `gy` of output 0: to be compared with
/// stated values where differences say nothing.
[[nodiscard]] std::vector<std::vector<double>> reference_gradients(const Case& c, const std::vector<double>& gy);

/// Whether infer() refuses these inputs with an Error that is no bug of ours.
[[nodiscard]] bool refuses(const PrimitivePtr& primitive, const std::vector<TensorType>& inputs);

/// The same stride, padding and dilation on all axes.
[[nodiscard]] inline kernels::Window window(Shape kernel, std::int64_t stride = 1, std::int64_t pad = 0,
                                            std::int64_t dilation = 1) {
  const std::size_t axes = kernel.size();
  return {std::move(kernel), Shape(axes, stride), Shape(axes, dilation), Shape(axes, pad), Shape(axes, pad), {}};
}

/// For random cases. The whole range from the first case on: RapidCheck would start with the smallest numbers.
[[nodiscard]] inline std::int64_t draw(std::int64_t low, std::int64_t high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
}
[[nodiscard]] inline bool draw_bool() { return draw(0, 1) == 1; }
[[nodiscard]] inline std::uint64_t draw_seed() { return static_cast<std::uint64_t>(draw(0, 1 << 20)); }
[[nodiscard]] inline Shape draw_shape(std::size_t rank, std::int64_t low, std::int64_t high) {
  Shape shape(rank);
  for (std::int64_t& extent : shape) extent = draw(low, high);
  return shape;
}

}  // namespace mho::primitives::testing
