// Layer normalization (arXiv 1607.06450) and RMS normalization (arXiv 1910.07467) over trailing axes, unscaled.
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/axes.h"
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

using kernels::NormalizationAttributes;

class Normalization final : public Primitive {
 public:
  explicit Normalization(const NormalizationAttributes& attributes) : attributes_(attributes) {}
  [[nodiscard]] std::string_view name() const override { return "normalization"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("axes {}.., epsilon {}{}", attributes_.axis, attributes_.epsilon,
                       attributes_.centred ? "" : ", without mean");
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const auto rank = static_cast<std::int64_t>(inputs[0].shape.size());
    if (inputs[0].dtype != kReal || attributes_.axis < 0 || attributes_.axis >= rank) {
      throw Error(Code::kInvalidModel, fmt::format("normalization from axis {} on does not fit {} {}", attributes_.axis,
                                                   to_string(inputs[0].dtype), to_string(inputs[0].shape)));
    }
    return {{kReal, inputs[0].shape}};
  }
  /// 1 / deviation of every row.
  [[nodiscard]] std::vector<TensorType> saved(std::span<const TensorType> inputs,
                                              std::span<const TensorType> /*outputs*/) const override {
    const Shape& shape = inputs[0].shape;
    return {{kReal, Shape(shape.begin(), shape.begin() + attributes_.axis)}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor> saved) const override {
    exec.device.normalization(exec.workspace, attributes_, in[0], out[0], saved[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    exec.device.normalization_vjp(exec.workspace, attributes_, args.outputs[0], args.saved[0], args.output_gradients[0],
                                  args.input_gradients[0]);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {{}, Positions::of({0})}; }
  [[nodiscard]] bool affine(Positions) const override { return false; }
  [[nodiscard]] DeltaRule delta_rule(Positions) const override { return DeltaRule::custom; }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    exec.device.normalization_multipliers(exec.workspace, attributes_, args.inputs[0], args.reference_inputs[0],
                                          args.output_multipliers[0], args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions, Positions) const override { return {Positions::of({0}), {}}; }

  [[nodiscard]] std::int64_t axis() const { return attributes_.axis; }

 private:
  NormalizationAttributes attributes_;
};

}  // namespace

PrimitivePtr make_normalization(NormalizationAttributes attributes) {
  return std::make_shared<Normalization>(attributes);
}

std::optional<std::int64_t> as_normalization(const Primitive& p) {
  const auto* normalization = dynamic_cast<const Normalization*>(&p);
  return normalization == nullptr ? std::nullopt : std::optional(normalization->axis());
}

}  // namespace mho::primitives
