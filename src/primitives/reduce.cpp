// Reductions over axes that stay with extent 1: sum, mean, product, maximum, minimum.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <array>
#include <limits>

#include "primitives/broadcast.h"
#include "primitives/kinks.h"
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
  [[nodiscard]] ReduceKind kind() const { return kind_; }
  [[nodiscard]] const Shape& axes() const { return axes_; }
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
    if (extremum() && inputs[0].elements() == 0 && type.elements() > 0) {
      throw Error(Code::kInvalidModel,
                  fmt::format("{}: {} has no elements to choose from", name(), to_string(inputs[0].shape)));
    }
    if (extremum() && inputs[0].elements() > std::numeric_limits<std::int32_t>::max()) {
      throw Error(Code::kLimit, fmt::format("{}: {} has more than 2^31 elements", name(), to_string(inputs[0].shape)));
    }
    return {type};
  }
  [[nodiscard]] bool compares(Positions) const override { return extremum(); }
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
  [[nodiscard]] bool piecewise_affine(Positions active) const override { return affine(active) || extremum(); }
  void kinks(Exec& exec, const LineArgs& line, std::vector<double>& at) const override;
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    return affine(active) ? std::optional(Magnitudes{.mixes = true}) : std::nullopt;
  }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    return affine(active) ? DeltaRule::linear : DeltaRule::custom;
  }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    if (affine(args.active)) return Primitive::multipliers(exec, args);
    const Tensor x = as_real(exec, args.inputs[0]);
    const Tensor rx = as_real(exec, args.reference_inputs[0]);
    const Tensor& my = args.output_multipliers[0];
    const Tensor& mx = args.input_multipliers[0];
    if (kind_ == ReduceKind::prod) return exec.device.reduce_prod_multipliers(exec.workspace, x, rx, my, mx);
    const Extremum kind = kind_ == ReduceKind::max ? Extremum::max : Extremum::min;
    const auto winner = [&](const Tensor& of, std::span<const Tensor> saved) {
      if (!saved.empty()) return saved[0];
      // Integers: forward() does not say who won.
      const Tensor best = exec.workspace.temporary(my.type);
      const Tensor position = exec.workspace.temporary({DType::i32, my.shape()});
      if (of.type.elements() > 0) exec.device.reduce_extremum(exec.workspace, kind, of, best, position);
      return position;
    };
    exec.device.reduce_extremum_multipliers(exec.workspace, kind, x, rx, winner(x, args.saved),
                                            winner(rx, args.reference_saved), my, mx);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions active, Positions wanted) const override {
    if (affine(active)) return backward_reads(wanted);
    return {Positions::of({0}), {}};
  }

 private:
  [[nodiscard]] bool extremum() const { return kind_ == ReduceKind::max || kind_ == ReduceKind::min; }
  /// d prod / d x_i is the product of all others, zeros among them or not.
  void vjp_prod(Exec& exec, const VjpArgs& args) const;

  ReduceKind kind_;
  Shape axes_;
};

// The extremum of a group of elements changes its owner where the envelope of their lines has a corner.
void Reduce::kinks(Exec& exec, const LineArgs& line, std::vector<double>& at) const {
  // The reduced axes go last, so that a group is contiguous.
  const Shape& shape = line.from[0].shape();
  Shape order;
  std::size_t group = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (std::ranges::find(axes_, static_cast<std::int64_t>(i)) != axes_.end()) continue;
    order.push_back(static_cast<std::int64_t>(i));
  }
  for (const std::int64_t axis : axes_) {
    order.push_back(axis);
    group *= static_cast<std::size_t>(shape[static_cast<std::size_t>(axis)]);
  }
  Shape permuted;
  for (const std::int64_t axis : order) permuted.push_back(shape[static_cast<std::size_t>(axis)]);
  const auto grouped = [&](const Tensor& x) {
    const Tensor t = exec.workspace.temporary({exec.device.real(), permuted});
    exec.device.transpose(exec.workspace, x, order, t);
    return t.as<double>();
  };
  const auto from = grouped(line.from[0]);
  const auto to = grouped(line.to[0]);
  const double sign = kind_ == ReduceKind::max ? 1 : -1;  // the smallest is the largest of the opposites
  std::vector<Ray> rays(group);
  for (std::size_t begin = 0; begin < from.size(); begin += group) {
    for (std::size_t i = 0; i < group; ++i) rays[i] = {sign * from[begin + i], sign * to[begin + i]};
    add_envelope_kinks(rays, at);
  }
}

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
  const Tensor& gy = args.output_gradients[0];
  kernels::Device& device = exec.device;
  kernels::Workspace& ws = exec.workspace;
  const auto scalar = [&](double value) {
    const Tensor t = ws.temporary({x.dtype(), {}});
    device.fill(t, value);
    return t;
  };
  const Tensor zero = scalar(0);
  const Tensor is_zero = ws.temporary({DType::b8, x.shape()});
  device.binary(ws, Binary::equal, x, zero, is_zero);
  const Tensor nonzero = ws.temporary(x.type);
  device.where(ws, is_zero, scalar(1), x, nonzero);
  const Tensor product = ws.temporary(gy.type);
  device.reduce(ws, ReduceKind::prod, nonzero, product);
  device.binary(ws, Binary::mul, product, gy, product);
  const Tensor others = ws.temporary(x.type);
  device.binary(ws, Binary::div, product, nonzero, others);
  // One of the others is zero unless all zeros of the line are at x_i itself.
  const Tensor zeros = ws.temporary(x.type);
  device.copy(ws, is_zero, zeros);
  const Tensor count = ws.temporary(gy.type);
  device.reduce(ws, ReduceKind::sum, zeros, count);
  const Tensor alone = ws.temporary(is_zero.type);
  device.binary(ws, Binary::equal, count, zeros, alone);
  device.where(ws, alone, others, zero, args.input_gradients[0]);
}

}  // namespace

PrimitivePtr make_reduce(ReduceKind kind, Shape axes) { return std::make_shared<Reduce>(kind, std::move(axes)); }

std::optional<Shape> as_reduce(const Primitive& p, kernels::ReduceKind kind) {
  const auto* reduce = dynamic_cast<const Reduce*>(&p);
  return reduce == nullptr || reduce->kind() != kind ? std::nullopt : std::optional(reduce->axes());
}

}  // namespace mho::primitives
