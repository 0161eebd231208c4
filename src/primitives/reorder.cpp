// Change of memory layout: the identity, put in by the Plan between primitives that want different layouts.
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

class Reorder final : public Primitive {
 public:
  explicit Reorder(kernels::Layout to) : to_(to) {}
  [[nodiscard]] std::string_view name() const override { return "reorder"; }
  [[nodiscard]] std::string describe() const override {
    return to_ == kernels::Layout::plain ? "to plain" : "to blocked";
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    return {{inputs[0].dtype, inputs[0].shape, to_}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.copy(exec.workspace, in[0], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    exec.device.copy(exec.workspace, args.output_gradients[0], args.input_gradients[0]);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {}; }
  [[nodiscard]] bool affine(Positions) const override { return true; }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions) const override { return Magnitudes{}; }

 private:
  kernels::Layout to_;
};

}  // namespace

PrimitivePtr make_reorder(kernels::Layout to) { return std::make_shared<Reorder>(to); }

}  // namespace mho::primitives
