// Gather: elements of one axis taken at integer positions (ONNX Gather); scatter_add, its adjoint.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>

#include "primitives/axes.h"
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

class Gather final : public Primitive {
 public:
  explicit Gather(std::int64_t axis) : axis_(axis) {}
  [[nodiscard]] std::string_view name() const override { return "gather"; }
  [[nodiscard]] std::string describe() const override { return fmt::format("axis {}", axis_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& x = inputs[0].shape;
    const Shape& indices = inputs[1].shape;
    if (inputs[1].dtype != DType::i64) throw Error(Code::kInvalidModel, "gather needs integer indices");
    if (axis_ < 0 || axis_ >= static_cast<std::int64_t>(x.size())) {
      throw Error(Code::kInvalidModel, fmt::format("gather axis {} is outside {}", axis_, to_string(x)));
    }
    Shape shape(x.begin(), x.begin() + axis_);
    shape.insert(shape.end(), indices.begin(), indices.end());
    shape.insert(shape.end(), x.begin() + axis_ + 1, x.end());
    static_cast<void>(element_count(shape));
    return {{inputs[0].dtype, shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.gather(exec.workspace, in[0], in[1], axis_, out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& gx = args.input_gradients[0];
    if (!gx.empty() && gx.type.is_real()) {
      exec.device.gather_vjp(exec.workspace, args.output_gradients[0], args.inputs[1], axis_, gx);
    } else if (!gx.empty()) {
      exec.device.fill(gx, 0);
    }
    if (!args.input_gradients[1].empty()) exec.device.fill(args.input_gradients[1], 0);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    return {wanted.has(0) ? Positions::of({1}) : Positions::none(), {}};
  }
  [[nodiscard]] bool affine(Positions active) const override { return !active.has(1); }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    return affine(active) ? std::optional(Magnitudes{}) : std::nullopt;
  }

  [[nodiscard]] std::int64_t axis() const { return axis_; }

 private:
  std::int64_t axis_;
};

class ScatterAdd final : public Primitive {
 public:
  explicit ScatterAdd(std::int64_t rows) : rows_(rows) {}
  [[nodiscard]] std::string_view name() const override { return "scatter_add"; }
  [[nodiscard]] std::string describe() const override { return fmt::format("{} rows", rows_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& updates = inputs[0].shape;
    const Shape& indices = inputs[1].shape;
    const bool fits = updates.size() >= indices.size() && std::equal(indices.begin(), indices.end(), updates.begin());
    if (!fits || !inputs[0].is_real() || inputs[1].dtype != DType::i64 || rows_ < 0) {
      throw Error(Code::kInvalidModel, fmt::format("scatter_add of {} {} at {} {}", to_string(inputs[0].dtype),
                                                   to_string(updates), to_string(inputs[1].dtype), to_string(indices)));
    }
    Shape shape{rows_};
    shape.insert(shape.end(), updates.begin() + static_cast<std::ptrdiff_t>(indices.size()), updates.end());
    static_cast<void>(element_count(shape));
    return {{inputs[0].dtype, shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.gather_vjp(exec.workspace, in[0], in[1], 0, out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& gradient = args.input_gradients[0];
    if (!gradient.empty()) exec.device.gather(exec.workspace, args.output_gradients[0], args.inputs[1], 0, gradient);
    if (!args.input_gradients[1].empty()) exec.device.fill(args.input_gradients[1], 0);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    return {wanted.has(0) ? Positions::of({1}) : Positions::none(), {}};
  }
  [[nodiscard]] bool affine(Positions active) const override { return !active.has(1); }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    return affine(active) ? std::optional(Magnitudes{.mixes = true}) : std::nullopt;
  }

 private:
  std::int64_t rows_;
};

}  // namespace

PrimitivePtr make_gather(std::int64_t axis) { return std::make_shared<Gather>(axis); }
PrimitivePtr make_scatter_add(std::int64_t rows) { return std::make_shared<ScatterAdd>(rows); }

std::optional<std::int64_t> as_gather(const Primitive& p) {
  const auto* gather = dynamic_cast<const Gather*>(&p);
  return gather == nullptr ? std::nullopt : std::optional(gather->axis());
}

}  // namespace mho::primitives
