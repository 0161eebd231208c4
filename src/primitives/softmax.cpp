// Softmax and LogSoftmax along one axis.
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

class Softmax final : public Primitive {
 public:
  Softmax(std::int64_t axis, bool log) : axis_(axis), log_(log) {}
  [[nodiscard]] std::int64_t axis() const { return axis_; }
  [[nodiscard]] std::string_view name() const override { return log_ ? "log_softmax" : "softmax"; }
  [[nodiscard]] std::string describe() const override { return fmt::format("axis {}", axis_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (!inputs[0].is_real() || axis_ < 0 || axis_ >= static_cast<std::int64_t>(inputs[0].shape.size())) {
      throw Error(Code::kInvalidModel, fmt::format("{} along axis {} does not fit {} {}", name(), axis_,
                                                   to_string(inputs[0].dtype), to_string(inputs[0].shape)));
    }
    return {inputs[0]};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    log_ ? exec.device.log_softmax(exec.workspace, in[0], axis_, out[0])
         : exec.device.softmax(exec.workspace, in[0], axis_, out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& y = args.outputs[0];
    const Tensor& gy = args.output_gradients[0];
    log_ ? exec.device.log_softmax_vjp(exec.workspace, y, gy, axis_, args.input_gradients[0])
         : exec.device.softmax_vjp(exec.workspace, y, gy, axis_, args.input_gradients[0]);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {{}, Positions::of({0})}; }
  [[nodiscard]] bool affine(Positions) const override { return false; }
  [[nodiscard]] DeltaRule delta_rule(Positions) const override { return DeltaRule::custom; }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    exec.device.softmax_multipliers(exec.workspace, log_, args.inputs[0], args.reference_inputs[0], axis_,
                                    args.output_multipliers[0], args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions, Positions) const override { return {Positions::of({0}), {}}; }

 private:
  std::int64_t axis_;
  bool log_;
};

}  // namespace

PrimitivePtr make_softmax(std::int64_t axis) { return std::make_shared<Softmax>(axis, false); }
PrimitivePtr make_log_softmax(std::int64_t axis) { return std::make_shared<Softmax>(axis, true); }

std::optional<std::int64_t> as_softmax(const Primitive& p) {
  const auto* softmax = dynamic_cast<const Softmax*>(&p);
  return softmax == nullptr || p.name() != "softmax" ? std::nullopt : std::optional(softmax->axis());
}

}  // namespace mho::primitives
