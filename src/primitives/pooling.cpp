// Max and average pooling (ONNX MaxPool, AveragePool).
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/kinks.h"
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
  [[nodiscard]] bool compares(Positions) const override { return true; }
  [[nodiscard]] bool affine(Positions) const override { return false; }
  [[nodiscard]] bool piecewise_affine(Positions) const override { return true; }
  void kinks(Exec& exec, const LineArgs& line, std::vector<double>& at) const override;
  [[nodiscard]] DeltaRule delta_rule(Positions) const override { return DeltaRule::custom; }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    exec.device.pool_max_multipliers(exec.workspace, window_, args.inputs[0], args.reference_inputs[0], args.saved[0],
                                     args.reference_saved[0], args.output_multipliers[0], args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions, Positions) const override { return {Positions::of({0}), {}}; }
};

// Like a ReduceMax over the cells of every window that lie inside the input.
void PoolMax::kinks(Exec&, const LineArgs& line, std::vector<double>& at) const {
  const Shape& x = line.from[0].shape();
  const Shape out = window_output(window_, x, name());
  const std::span<const std::int64_t> in = std::span(x).subspan(2);
  const auto plane = static_cast<std::size_t>(element_count(Shape(in.begin(), in.end())));
  const auto next = [](Shape& position, std::span<const std::int64_t> extents) {
    for (std::size_t axis = extents.size(); axis-- > 0;) {
      if (++position[axis] < extents[axis]) return true;
      position[axis] = 0;
    }
    return false;
  };
  std::vector<std::size_t> cells;
  std::vector<Ray> rays;
  Shape o(out.size(), 0);
  do {
    cells.clear();
    Shape k(out.size(), 0);
    do {
      std::int64_t offset = 0;
      bool inside = true;
      for (std::size_t i = 0; i < out.size(); ++i) {
        const std::int64_t at_axis = o[i] * window_.strides[i] + k[i] * window_.dilations[i] - window_.pads_begin[i];
        inside = inside && at_axis >= 0 && at_axis < in[i];
        offset = offset * in[i] + at_axis;
      }
      if (inside) cells.push_back(static_cast<std::size_t>(offset));
    } while (next(k, window_.kernel));
    for (std::size_t begin = 0; begin < line.from[0].as<double>().size(); begin += plane) {
      rays.clear();
      for (const std::size_t cell : cells) {
        rays.push_back({line.from[0].as<double>()[begin + cell], line.to[0].as<double>()[begin + cell]});
      }
      add_envelope_kinks(rays, at);
    }
  } while (next(o, out));
}

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
