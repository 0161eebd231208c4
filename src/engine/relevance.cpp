// Layer-wise relevance propagation (LRP) at one node: what takes the place of its vjp.
#include "engine/relevance.h"

#include <cmath>
#include <limits>
#include <vector>

#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::Node;
using kernels::Binary;
using kernels::Tensor;
using kernels::Unary;
using primitives::Exec;
using primitives::Magnitudes;
using primitives::Positions;
using primitives::VjpArgs;

constexpr double kStabiliser = 1e-9;

/// Arithmetic on tensors of one type, each result a temporary.
struct Arithmetic {
  Exec& exec;

  [[nodiscard]] Tensor unary(const kernels::UnaryFunction& f, const Tensor& x) const {
    const Tensor y = exec.workspace.temporary(x.type);
    exec.device.unary(exec.workspace, f, x, y);
    return y;
  }
  [[nodiscard]] Tensor affine(double factor, double offset, const Tensor& x) const {
    return unary({Unary::affine, factor, offset}, x);
  }
  [[nodiscard]] Tensor binary(Binary f, const Tensor& a, const Tensor& b) const {
    const Tensor y = exec.workspace.temporary(a.type);
    exec.device.binary(exec.workspace, f, a, b, y);
    return y;
  }
  [[nodiscard]] Tensor constant(const kernels::TensorType& type, double value) const {
    const Tensor y = exec.workspace.temporary(type);
    exec.device.fill(y, value);
    return y;
  }
};

/// An offset is what the other operand of a sum, or the beta of an affine function, adds.
bool has_offset(const Node& node, Positions active) {
  if (const auto f = primitives::as_unary(*node.primitive)) return f->kind == Unary::affine && f->beta != 0;
  const auto f = primitives::as_binary(*node.primitive);
  return (f == Binary::add || f == Binary::sub) && !(active.has(0) && active.has(1));
}

std::optional<Magnitudes> magnitudes_of(const Node& node, Positions active) {
  std::optional<Magnitudes> magnitudes = node.primitive->magnitudes(active);
  const auto f = primitives::as_unary(*node.primitive);
  if (magnitudes && f && f->kind == Unary::affine) {
    magnitudes->primitive = primitives::make_unary({Unary::affine, std::abs(f->alpha), std::abs(f->beta)});
  }
  return magnitudes;
}

/// |L| with the offset |b|, as what it is applied to and transposed by.
class Magnitude {
 public:
  Magnitude(Exec& exec, const Node& node, Positions active, std::span<const Tensor> inputs)
      : exec_(exec), node_(node), active_(active), magnitudes_(*magnitudes_of(node, active)) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool is_factor = !active.has(i) && (magnitudes_.absolute.has(i) || magnitudes_.zero.has(i));
      inputs_.push_back(is_factor ? Arithmetic{exec}.unary({Unary::abs}, inputs[i]) : inputs[i]);
    }
  }

  /// |L| x + |b|, or |L| |x| + |b|.
  [[nodiscard]] Tensor apply(bool to_sizes, const kernels::TensorType& output) {
    std::vector<Tensor> inputs = inputs_;
    for (std::size_t i = 0; to_sizes && i < inputs.size(); ++i) {
      if (active_.has(i)) inputs[i] = Arithmetic{exec_}.unary({Unary::abs}, inputs[i]);
    }
    const Tensor y = exec_.workspace.temporary(output);
    primitive().forward(exec_, inputs, {&y, 1}, {});
    return y;
  }

  /// input gradients = L^T even + |L|^T odd, the latter times sign(x) with `by_sign`.
  void transposed(const VjpArgs& args, const Tensor& even, const Tensor& odd, bool by_sign) {
    std::vector<Tensor> odd_inputs;
    for (const Tensor& wanted : args.input_gradients) {
      odd_inputs.push_back(wanted.empty() ? wanted : exec_.workspace.temporary(wanted.type));
    }
    node_.primitive->vjp(exec_, {args.inputs, args.outputs, args.saved, {&even, 1}, args.input_gradients});
    primitive().vjp(exec_, {inputs_, args.outputs, {}, {&odd, 1}, odd_inputs});
    const Arithmetic math{exec_};
    for (std::size_t i = 0; i < odd_inputs.size(); ++i) {
      if (odd_inputs[i].empty()) continue;
      const Tensor part =
          by_sign ? math.binary(Binary::mul, odd_inputs[i], math.unary({Unary::sign}, args.inputs[i])) : odd_inputs[i];
      exec_.device.add_into(exec_.workspace, part, args.input_gradients[i]);
    }
  }

 private:
  [[nodiscard]] const primitives::Primitive& primitive() const {
    return magnitudes_.primitive ? *magnitudes_.primitive : *node_.primitive;
  }

  Exec& exec_;
  const Node& node_;
  Positions active_;
  Magnitudes magnitudes_;
  std::vector<Tensor> inputs_;
};

}  // namespace

std::optional<RelevanceKind> relevance_kind(const Node& node, Positions active, const RelevanceRule& rule) {
  const primitives::Primitive& primitive = *node.primitive;
  if (active.empty()) return RelevanceKind::gradient;
  if (primitive.affine(active)) {
    if (primitive.name() == "cast") return RelevanceKind::gradient;
    const auto magnitudes = magnitudes_of(node, active);
    if (magnitudes && !magnitudes->mixes && !has_offset(node, active)) return RelevanceKind::gradient;
    if (rule.kind == RelevanceRule::Kind::epsilon) {
      return rule.parameter == 0 ? RelevanceKind::gradient : RelevanceKind::sum;
    }
    return magnitudes ? std::optional(RelevanceKind::sum) : std::nullopt;
  }
  if (const auto f = primitives::as_unary(primitive)) {
    // f(x) = f'(x) x.
    if (f->kind == Unary::relu || f->kind == Unary::leaky_relu || f->kind == Unary::abs) return RelevanceKind::gradient;
    return kernels::is_activation(*f) ? std::optional(RelevanceKind::activation) : std::nullopt;
  }
  // The winner takes all.
  const auto f = primitives::as_binary(primitive);
  const bool chooses = f == Binary::max || f == Binary::min || primitive.name() == "pool_max" ||
                       primitives::as_reduce(primitive, kernels::ReduceKind::max) ||
                       primitives::as_reduce(primitive, kernels::ReduceKind::min);
  return chooses ? std::optional(RelevanceKind::gradient) : std::nullopt;
}

primitives::BackwardReads RelevanceStep::reads(Positions wanted) const {
  if (kind == RelevanceKind::activation) return {Positions::of({0}), Positions::of({0})};
  primitives::BackwardReads reads = node->primitive->backward_reads(wanted);
  if (kind == RelevanceKind::gradient) return reads;
  reads.outputs.add(0);
  if (rule.kind != RelevanceRule::Kind::epsilon) reads.inputs = Positions::all();
  return reads;
}

void RelevanceStep::run(Exec& exec, const VjpArgs& args) const {
  if (kind == RelevanceKind::activation) return run_activation(exec, args);
  switch (rule.kind) {
    case RelevanceRule::Kind::epsilon:
      return run_epsilon(exec, args);
    case RelevanceRule::Kind::gamma:
      return run_gamma(exec, args);
    case RelevanceRule::Kind::alpha_beta:
      return run_alpha_beta(exec, args);
  }
}

// f(x)/x is DeepLIFT's Rescale against x' = 0, y' = 0, and bounded as that is where x vanishes.
void RelevanceStep::run_activation(Exec& exec, const VjpArgs& args) const {
  const Tensor& x = args.inputs[0];
  const Tensor zero = Arithmetic{exec}.constant(x.type, 0);
  exec.device.unary_multipliers(exec.workspace, *primitives::as_unary(*node->primitive), x, zero, args.outputs[0], zero,
                                args.output_gradients[0], args.input_gradients[0]);
}

void RelevanceStep::run_epsilon(Exec& exec, const VjpArgs& args) const {
  const Arithmetic math{exec};
  // y / (y + epsilon sign(y)) = |y| / (|y| + epsilon).
  const Tensor size = math.unary({Unary::abs}, args.outputs[0]);
  const Tensor share = math.binary(Binary::div, size, math.affine(1, rule.parameter, size));
  const Tensor m = math.binary(Binary::mul, args.output_gradients[0], share);
  node->primitive->vjp(exec, {args.inputs, args.outputs, args.saved, {&m, 1}, args.input_gradients});
}

void RelevanceStep::run_gamma(Exec& exec, const VjpArgs& args) const {
  const Arithmetic math{exec};
  const Tensor& y = args.outputs[0];
  const double whole = 1 + rule.parameter / 2, half = rule.parameter / 2;
  Magnitude magnitude(exec, *node, active, args.inputs);
  const Tensor d =
      math.binary(Binary::add, math.affine(whole, 0, y), math.affine(half, 0, magnitude.apply(false, y.type)));
  // Signs with sign(0) = 1.
  const Tensor sign = math.unary({Unary::sign}, math.affine(1, 0.5, math.unary({Unary::sign}, d)));
  const Tensor stable = math.binary(Binary::add, d, math.affine(kStabiliser, 0, sign));
  const Tensor share = math.binary(Binary::div, y, stable);
  const Tensor m = math.binary(Binary::mul, args.output_gradients[0], share);
  magnitude.transposed(args, math.affine(whole, 0, m), math.affine(half, 0, m), false);
}

// With P = sum of positive parts = (y + M) / 2, N = (y - M) / 2, M = |L| |x| + |b|, p = alpha R / P, n = beta R / N,
// and z+ = (z + |z|) / 2, z- = (z - |z|) / 2: R_i = sum_j z_ij (p_j - n_j) / 2 + |z_ij| (p_j + n_j) / 2. Where N = 0,
// nobody takes -beta, and alpha is 1: means of positive values would double relevance.
void RelevanceStep::run_alpha_beta(Exec& exec, const VjpArgs& args) const {
  const Arithmetic math{exec};
  const Tensor& y = args.outputs[0];
  Magnitude magnitude(exec, *node, active, args.inputs);
  const Tensor total = magnitude.apply(true, y.type);
  const Tensor relevance = math.binary(Binary::mul, y, args.output_gradients[0]);
  const double rounding = 64 * (exec.device.real() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                                 : std::numeric_limits<float>::epsilon());
  // M + side * y is twice the size of the parts of one sign; `there`: 1, or 0 where that is rounding.
  struct Side {
    Tensor there, quotient;  // quotient: R / size, 0 where there is nothing
  };
  const auto of_sign = [&](double side) {
    const Tensor sum = math.binary(Binary::add, total, math.affine(side, 0, y));
    const Tensor above = math.binary(Binary::sub, sum, math.affine(rounding, 0, total));
    const Tensor there = math.unary({Unary::sign}, math.unary({Unary::relu}, above));
    const Tensor stable = math.affine(0.5, kStabiliser, math.unary({Unary::relu}, sum));
    return Side{there, math.binary(Binary::mul, there, math.binary(Binary::div, relevance, stable))};
  };
  const double beta = rule.parameter - 1;
  const Side positive = of_sign(1), negative = of_sign(-1);
  const Tensor p = math.binary(Binary::mul, positive.quotient, math.affine(beta, 1, negative.there));
  const Tensor n = math.affine(-beta, 0, negative.quotient);  // N = -size
  const Tensor even = math.affine(0.5, 0, math.binary(Binary::sub, p, n));
  const Tensor odd = math.affine(0.5, 0, math.binary(Binary::add, p, n));
  magnitude.transposed(args, even, odd, true);
}

}  // namespace mho::engine
