// A primitive: one differentiable building block, with all the facts about it side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/device.h"

namespace mho::primitives {

using kernels::DType;
using kernels::Tensor;
using kernels::TensorType;

/// Real tensors are typed f32 in a graph whatever the device computes in; the Plan maps it to Device::real().
inline constexpr DType kReal = DType::f32;

/// A set of input or output positions; bit i stands for position i. Positions from 63 on share the last bit.
class Positions {
 public:
  constexpr Positions() = default;
  static constexpr Positions all() { return Positions(~std::uint64_t{0}); }
  static constexpr Positions none() { return {}; }
  static constexpr Positions of(std::initializer_list<std::size_t> list) {
    Positions set;
    for (const std::size_t i : list) set.add(i);
    return set;
  }
  constexpr void add(std::size_t i) { bits_ |= bit(i); }
  [[nodiscard]] constexpr bool has(std::size_t i) const { return (bits_ & bit(i)) != 0; }
  [[nodiscard]] constexpr Positions complement() const { return Positions(~bits_); }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  /// How many of the first `count` positions are in the set.
  [[nodiscard]] constexpr std::size_t count(std::size_t count) const {
    std::size_t n = 0;
    for (std::size_t i = 0; i < count; ++i) n += has(i) ? 1 : 0;
    return n;
  }

 private:
  explicit constexpr Positions(std::uint64_t bits) : bits_(bits) {}
  static constexpr std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << (i < 63 ? i : 63); }
  std::uint64_t bits_ = 0;
};

/// What vjp() reads besides cotangents and saved tensors, so that the Plan frees everything else early.
struct BackwardReads {
  Positions inputs;
  Positions outputs;
};

/// How DeepLIFT multipliers pass a primitive, given which inputs differ from the reference (docs/deeplift.md).
enum class DeltaRule : std::uint8_t {
  linear,    ///< affine in the active inputs: the vjp
  bilinear,  ///< a product of active inputs: the vjp at the midpoint of x and x', the symmetric split
  custom,    ///< multipliers() of its own
  none,      ///< no rule: a Plan for multipliers refuses the node
};

/// What the primitive does with layouts; the Plan inserts reorders so that it holds.
enum class LayoutRule : std::uint8_t {
  plain,        ///< plain tensors only
  elementwise,  ///< every input of the output's shape shares the output's layout; other inputs are plain
  spatial,      ///< input 0 and output 0 share any one layout, other inputs are plain (pooling)
  convolution,  ///< asks Device::convolution_layout; input 0 (and a residual) and output 0 in that layout
  channels,     ///< region copies along axes: blocked only where every boundary on axis 1 is a multiple of 16
};

/// The tools of one node at run time.
struct Exec {
  kernels::Device& device;
  kernels::Workspace& workspace;
};

/// Everything vjp() may use. Tensors that BackwardReads does not name are empty(), and so are the gradients nobody
/// wants. Cotangents are never empty.
struct VjpArgs {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  std::span<const Tensor> saved;
  std::span<const Tensor> output_gradients;
  std::span<const Tensor> input_gradients;  ///< to be overwritten; data == nullptr: not wanted
};

/// Everything multipliers() may use: tensors of the run at x and of the run at the reference x'. Tensors that
/// multiplier_reads() does not name are empty(), in both runs alike; saved tensors are those of forward().
/// Multipliers have the shape and layout of their tensor and are real, also those of booleans and integers.
struct MultiplierArgs {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  std::span<const Tensor> saved;
  std::span<const Tensor> reference_inputs;
  std::span<const Tensor> reference_outputs;
  std::span<const Tensor> reference_saved;
  std::span<const Tensor> output_multipliers;
  std::span<const Tensor> input_multipliers;  ///< to be overwritten; data == nullptr: not wanted
  Positions active;                           ///< inputs that may differ between the runs
};

/// Inputs that move along a straight line: input i is from[i] + t (to[i] - from[i]) for t in [0, 1]. Plain tensors of a
/// device that computes in double; inputs that do not move have the same tensor at both ends.
struct LineArgs {
  std::span<const Tensor> from;
  std::span<const Tensor> to;
};

class Primitive;

/// A linear primitive L as |L|, with the magnitudes of its coefficients: sizes of changes of both signs add up in it
/// (RevealCancel, MATHS.md section 3).
struct Magnitudes {
  std::shared_ptr<const Primitive> primitive = {};  ///< null: the same primitive
  Positions absolute = {};                          ///< inactive inputs that are factors: |.| is taken of them
  Positions zero = {};                              ///< inactive inputs that shift the output: no part of L
  bool mixes = false;                               ///< an output element sums several elements of active inputs
};

/// Immutable and shared: all state of a run is in the tensors.
class Primitive {
 public:
  virtual ~Primitive() = default;
  Primitive() = default;
  Primitive(const Primitive&) = delete;
  Primitive& operator=(const Primitive&) = delete;

  /// Lower-case with underscores; unique among primitives.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Attributes for people: "kernel [3, 3], pads [1, 1]". Empty when there are none.
  [[nodiscard]] virtual std::string describe() const { return {}; }
  /// Types of the outputs (plain layout). Throws Error(kInvalidModel) where the inputs do not fit.
  [[nodiscard]] virtual std::vector<TensorType> infer(std::span<const TensorType> inputs) const = 0;
  /// Types of what forward() leaves for vjp() besides inputs and outputs (argmax positions and the like).
  [[nodiscard]] virtual std::vector<TensorType> saved(std::span<const TensorType> /*inputs*/,
                                                      std::span<const TensorType> /*outputs*/) const {
    return {};
  }

  virtual void forward(Exec& exec, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                       std::span<const Tensor> saved) const = 0;
  /// Vector-Jacobian product: input_gradients[i] = output_gradients^T * d outputs / d inputs[i].
  virtual void vjp(Exec& exec, const VjpArgs& args) const = 0;
  /// What vjp() reads when the gradients of the inputs `wanted` are computed.
  [[nodiscard]] virtual BackwardReads backward_reads(Positions wanted) const = 0;

  /// True where gradients pass at all; false for comparisons, shapes, integer results.
  [[nodiscard]] virtual bool differentiable() const { return true; }
  /// Whether the outputs are affine in the inputs `active`, all other inputs held fixed.
  [[nodiscard]] virtual bool affine(Positions active) const = 0;
  /// Whether the outputs are continuous and piecewise affine in the inputs `active`, all other inputs held fixed.
  [[nodiscard]] virtual bool piecewise_affine(Positions active) const { return affine(active); }
  /// Of a primitive that is piecewise affine, but not affine, in what moves: appends, in any order, every t in (0, 1)
  /// at which an element of the output passes from one affine piece to another (arXiv 1908.06214).
  virtual void kinks(Exec& /*exec*/, const LineArgs& /*line*/, std::vector<double>& /*at*/) const {}
  [[nodiscard]] virtual DeltaRule delta_rule(Positions active) const {
    return affine(active) ? DeltaRule::linear : DeltaRule::none;
  }
  /// Sum over inputs of input_multipliers * (input - reference input) = sum over outputs of the same, for the active
  /// inputs (summation-to-delta). Linear and bilinear rules are done here; a custom one overrides this.
  virtual void multipliers(Exec& exec, const MultiplierArgs& args) const;
  /// What multipliers() reads in both runs when those of the inputs `wanted` are computed.
  [[nodiscard]] virtual BackwardReads multiplier_reads(Positions active, Positions wanted) const;

  /// Where affine in `active`: the linear part with the magnitudes of its coefficients. Nothing: RevealCancel does not
  /// look behind this primitive.
  [[nodiscard]] virtual std::optional<Magnitudes> magnitudes(Positions /*active*/) const { return std::nullopt; }

  /// Whether equal elements of the inputs `active` are told from different ones, however little these differ (maxima,
  /// orders).
  [[nodiscard]] virtual bool compares(Positions /*active*/) const { return false; }
  /// Of a primitive that may round equal windows of its input to outputs that are not quite equal: one that does not.
  /// Null: it never does.
  [[nodiscard]] virtual std::shared_ptr<const Primitive> keeping_ties() const { return nullptr; }

  [[nodiscard]] virtual LayoutRule layout_rule() const { return LayoutRule::plain; }
  /// For LayoutRule::channels: whether every boundary on axis 1 is a multiple of the channel block.
  [[nodiscard]] virtual bool blocked_boundaries(std::span<const TensorType> /*inputs*/,
                                                std::span<const TensorType> /*outputs*/) const {
    return false;
  }
  /// Output 0 is input 0 with another shape, element for element: the Plan shares the memory, forward and backward.
  [[nodiscard]] virtual bool is_view() const { return false; }
  /// vjp() and multipliers() may write the gradient of input 0 over that of output 0.
  [[nodiscard]] virtual bool backward_in_place() const { return false; }
  /// Floating-point operations of one forward run, for cost models and GFLOP/s. Convolutions and products only.
  [[nodiscard]] virtual double flops(std::span<const TensorType> /*inputs*/,
                                     std::span<const TensorType> /*outputs*/) const {
    return 0;
  }
};

using PrimitivePtr = std::shared_ptr<const Primitive>;

}  // namespace mho::primitives
