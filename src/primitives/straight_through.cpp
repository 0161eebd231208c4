// Rounding whose gradient is by definition 1 (the straight-through estimator, arXiv 1308.3432): quantised networks keep
// gradients. DeepLIFT passes differences as through any function, so that its sums stay exact.
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

class RoundStraightThrough final : public Primitive {
 public:
  [[nodiscard]] std::string_view name() const override { return "round_straight_through"; }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    return make_unary(kRound)->infer(inputs);
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.unary(exec.workspace, kRound, in[0], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& gx = args.input_gradients[0];
    if (!gx.empty() && gx.data != args.output_gradients[0].data) {
      exec.device.copy(exec.workspace, args.output_gradients[0], gx);
    }
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {}; }
  [[nodiscard]] bool affine(Positions active) const override { return !active.has(0); }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    return affine(active) ? DeltaRule::linear : DeltaRule::custom;
  }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    exec.device.unary_multipliers(exec.workspace, kRound, args.inputs[0], args.reference_inputs[0], args.outputs[0],
                                  args.reference_outputs[0], args.output_multipliers[0], args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions, Positions) const override {
    return {Positions::of({0}), Positions::of({0})};
  }
  [[nodiscard]] LayoutRule layout_rule() const override { return LayoutRule::elementwise; }

 private:
  static constexpr kernels::UnaryFunction kRound{kernels::Unary::round, 0, 0};
};

}  // namespace

PrimitivePtr make_round_straight_through() { return std::make_shared<RoundStraightThrough>(); }

}  // namespace mho::primitives
