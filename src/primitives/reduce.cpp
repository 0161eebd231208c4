// Reductions over axes that stay with extent 1: sum, mean, product, maximum, minimum.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <array>

#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

using kernels::Binary;
using kernels::Extremum;
using kernels::ReduceKind;

constexpr std::array kNames = {"reduce_sum", "reduce_mean", "reduce_prod", "reduce_max", "reduce_min"};

class Reduce final : public Primitive {
 public:
  Reduce(ReduceKind kind, Shape axes) : kind_(kind), axes_(std::move(axes)) {}
  [[nodiscard]] std::string_view name() const override { return kNames[static_cast<std::size_t>(kind_)]; }
  [[nodiscard]] std::string describe() const override { return fmt::format("axes {}", to_string(axes_)); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    TensorType type = inputs[0];
    if (type.dtype == DType::b8) throw Error(Code::kInvalidModel, fmt::format("{} does not take booleans", name()));
    for (const std::int64_t axis : axes_) {
      if (axis < 0 || axis >= static_cast<std::int64_t>(type.shape.size())) {
        throw Error(Code::kInvalidModel,
                    fmt::format("{}: axis {} is outside {}", name(), axis, to_string(inputs[0].shape)));
      }
      type.shape[static_cast<std::size_t>(axis)] = 1;
    }
    return {type};
  }
  [[nodiscard]] std::vector<TensorType> saved(std::span<const TensorType> inputs,
                                              std::span<const TensorType> outputs) const override {
    if (!extremum() || !inputs[0].is_real()) return {};
    return {{DType::i32, outputs[0].shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor> saved) const override {
    if (!saved.empty() && in[0].type.elements() > 0) {
      exec.device.reduce_extremum(exec.workspace, kind_ == ReduceKind::max ? Extremum::max : Extremum::min, in[0],
                                  out[0], saved[0]);
    } else {
      exec.device.reduce(exec.workspace, kind_, in[0], out[0]);
    }
  }
  void vjp(Exec& exec, const VjpArgs& args) const override;
  [[nodiscard]] BackwardReads backward_reads(Positions) const override {
    return {kind_ == ReduceKind::prod ? Positions::of({0}) : Positions::none(), {}};
  }
  [[nodiscard]] bool affine(Positions) const override { return kind_ == ReduceKind::sum || kind_ == ReduceKind::mean; }

 private:
  [[nodiscard]] bool extremum() const { return kind_ == ReduceKind::max || kind_ == ReduceKind::min; }
  /// d prod / d x_i is the product of all others: exact with any number of zeros, quadratic in the line's length.
  void vjp_prod(Exec& exec, const VjpArgs& args) const;

  ReduceKind kind_;
  Shape axes_;
};

void Reduce::vjp(Exec& exec, const VjpArgs& args) const {
  const Tensor& gx = args.input_gradients[0];
  const Tensor& gy = args.output_gradients[0];
  if (!gx.type.is_real()) return exec.device.fill(gx, 0);
  if (extremum()) return exec.device.reduce_extremum_vjp(exec.workspace, gy, args.saved[0], gx);
  if (kind_ == ReduceKind::prod) return vjp_prod(exec, args);
  if (kind_ == ReduceKind::sum) return exec.device.broadcast(exec.workspace, gy, gx);
  const double count = static_cast<double>(gx.type.elements()) / static_cast<double>(gy.type.elements());
  const Tensor scaled = exec.workspace.temporary(gy.type);
  exec.device.unary(exec.workspace, {kernels::Unary::affine, 1.0 / count, 0}, gy, scaled);
  exec.device.broadcast(exec.workspace, scaled, gx);
}

void Reduce::vjp_prod(Exec& exec, const VjpArgs& args) const {
  const Tensor& x = args.inputs[0];
  const Tensor& gx = args.input_gradients[0];
  kernels::Device& device = exec.device;
  kernels::Workspace& ws = exec.workspace;
  Shape line(x.rank(), 1);
  for (const std::int64_t axis : axes_) line[static_cast<std::size_t>(axis)] = x.dim(static_cast<std::size_t>(axis));
  Shape across = x.shape();
  for (const std::int64_t axis : axes_) across[static_cast<std::size_t>(axis)] = 1;
  const Shape ones(x.rank(), 1);
  const Tensor others = ws.temporary(x.type);
  const Tensor left_out = ws.temporary({x.dtype(), across});
  const Tensor one = ws.temporary({x.dtype(), across});
  device.fill(one, 1);
  Shape position(x.rank(), 0);
  for (std::int64_t k = 0; k < element_count(line); ++k) {
    const kernels::Region at{position, ones};
    const kernels::Region start{Shape(x.rank(), 0), ones};
    device.copy(ws, x, others);
    device.copy_region(ws, one, start, others, at, across, false);
    device.reduce(ws, ReduceKind::prod, others, left_out);
    device.binary(ws, Binary::mul, left_out, args.output_gradients[0], left_out);
    device.copy_region(ws, left_out, start, gx, at, across, false);
    for (std::size_t axis = x.rank(); axis-- > 0;) {
      if (++position[axis] < line[axis]) break;
      position[axis] = 0;
    }
  }
}

}  // namespace

PrimitivePtr make_reduce(ReduceKind kind, Shape axes) { return std::make_shared<Reduce>(kind, std::move(axes)); }

}  // namespace mho::primitives
