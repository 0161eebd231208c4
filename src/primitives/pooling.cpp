// Max and average pooling (ONNX MaxPool, AveragePool).
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/primitives.h"
#include "primitives/window_shape.h"

namespace mho::primitives {

namespace {

using kernels::Window;

class Pool : public Primitive {
 public:
  explicit Pool(Window window) : window_(std::move(window)) {}
  [[nodiscard]] std::string describe() const override { return describe_window(window_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& x = inputs[0].shape;
    if (inputs[0].dtype != kReal) throw Error(Code::kInvalidModel, fmt::format("{} needs a real tensor", name()));
    const Shape spatial = window_output(window_, x, name());
    Shape y{x[0], x[1]};
    y.insert(y.end(), spatial.begin(), spatial.end());
    static_cast<void>(element_count(y));
    check_windows_overlap(window_, x, y, name());
    return {{kReal, y}};
  }
  [[nodiscard]] LayoutRule layout_rule() const override { return LayoutRule::spatial; }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {}; }

 protected:
  Window window_;
};

class PoolMax final : public Pool {
 public:
  using Pool::Pool;
  [[nodiscard]] std::string_view name() const override { return "pool_max"; }
  [[nodiscard]] std::vector<TensorType> saved(std::span<const TensorType>,
                                              std::span<const TensorType> outputs) const override {
    return {{DType::i32, outputs[0].shape, outputs[0].layout}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor> saved) const override {
    exec.device.pool_max(exec.workspace, window_, in[0], out[0], saved[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    exec.device.pool_max_vjp(exec.workspace, window_, args.output_gradients[0], args.saved[0], args.input_gradients[0]);
  }
  [[nodiscard]] bool affine(Positions) const override { return false; }
  [[nodiscard]] DeltaRule delta_rule(Positions) const override { return DeltaRule::custom; }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    exec.device.pool_max_multipliers(exec.workspace, window_, args.inputs[0], args.reference_inputs[0], args.saved[0],
                                     args.reference_saved[0], args.output_multipliers[0], args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions, Positions) const override { return {Positions::of({0}), {}}; }
};

class PoolAverage final : public Pool {
 public:
  PoolAverage(Window window, bool count_include_pad) : Pool(std::move(window)), count_include_pad_(count_include_pad) {}
  [[nodiscard]] std::string_view name() const override { return "pool_average"; }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.pool_average(exec.workspace, window_, count_include_pad_, in[0], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    exec.device.pool_average_vjp(exec.workspace, window_, count_include_pad_, args.output_gradients[0],
                                 args.input_gradients[0]);
  }
  [[nodiscard]] bool affine(Positions) const override { return true; }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions) const override { return Magnitudes{.mixes = true}; }

 private:
  bool count_include_pad_;
};

}  // namespace

PrimitivePtr make_pool_max(Window window) { return std::make_shared<PoolMax>(std::move(window)); }
PrimitivePtr make_pool_average(Window window, bool count_include_pad) {
  return std::make_shared<PoolAverage>(std::move(window), count_include_pad);
}

}  // namespace mho::primitives
