// Elementwise primitives: y = f(x), y = a op b, y = condition ? a : b.
#include <fmt/format.h>
#include <mho/error.h>

#include <array>
#include <cmath>

#include "primitives/broadcast.h"
#include "primitives/kinks.h"
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

using kernels::Binary;
using kernels::Unary;
using kernels::UnaryFunction;

constexpr std::array kUnaryNames = {"neg",
                                    "abs",
                                    "sign",
                                    "sqrt",
                                    "reciprocal",
                                    "exp",
                                    "log",
                                    "floor",
                                    "ceil",
                                    "round",
                                    "not",
                                    "is_nan",
                                    "sin",
                                    "cos",
                                    "tan",
                                    "asin",
                                    "acos",
                                    "atan",
                                    "sinh",
                                    "cosh",
                                    "asinh",
                                    "acosh",
                                    "atanh",
                                    "relu",
                                    "leaky_relu",
                                    "elu",
                                    "selu",
                                    "celu",
                                    "sigmoid",
                                    "hard_sigmoid",
                                    "tanh",
                                    "softplus",
                                    "softsign",
                                    "erf",
                                    "gelu",
                                    "gelu_tanh",
                                    "thresholded_relu",
                                    "clip",
                                    "pow",
                                    "affine"};
static_assert(kUnaryNames.size() == static_cast<std::size_t>(Unary::affine) + 1);

class UnaryPrimitive final : public Primitive {
 public:
  explicit UnaryPrimitive(UnaryFunction f) : f_(f) {}
  [[nodiscard]] const UnaryFunction& function() const { return f_; }

  [[nodiscard]] std::string_view name() const override { return kUnaryNames[static_cast<std::size_t>(f_.kind)]; }
  [[nodiscard]] std::string describe() const override {
    return f_.alpha == 0 && f_.beta == 0 ? "" : fmt::format("alpha {:g}, beta {:g}", f_.alpha, f_.beta);
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    TensorType type = inputs[0];
    const bool fits = f_.kind == Unary::logical_not ? type.dtype == DType::b8
                                                    : type.is_real() || (integer() && type.dtype == DType::i64);
    if (!fits) reject(type);
    if (logical()) type.dtype = DType::b8;
    return {type};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.unary(exec.workspace, f_, in[0], out[0]);
  }
  // gx = gy * f'(x)
  void vjp(Exec& exec, const VjpArgs& args) const override {
    if (!differentiable() || !args.input_gradients[0].type.is_real()) {
      return exec.device.fill(args.input_gradients[0], 0);
    }
    exec.device.unary_vjp(exec.workspace, f_, args.inputs[0], args.outputs[0], args.output_gradients[0],
                          args.input_gradients[0]);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override {
    switch (kernels::derivative_reads(f_)) {
      case kernels::DerivativeReads::x:
        return {Positions::of({0}), {}};
      case kernels::DerivativeReads::y:
        return {{}, Positions::of({0})};
      case kernels::DerivativeReads::nothing:
        break;
    }
    return {};
  }
  [[nodiscard]] bool differentiable() const override { return !logical(); }
  [[nodiscard]] bool affine(Positions) const override { return f_.kind == Unary::neg || f_.kind == Unary::affine; }
  [[nodiscard]] bool piecewise_affine(Positions active) const override {
    return affine(active) || !kernels::bends(f_).empty();
  }
  void kinks(Exec&, const LineArgs& line, std::vector<double>& at) const override {
    const auto from = line.from[0].as<double>();
    const auto to = line.to[0].as<double>();
    for (const double bend : kernels::bends(f_)) {
      for (std::size_t i = 0; i < from.size(); ++i) add_crossing(from[i] - bend, to[i] - bend, at);
    }
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    if (!affine(active)) return std::nullopt;
    const double factor = f_.kind == Unary::neg ? 1 : std::abs(f_.alpha);
    return Magnitudes{make_unary({Unary::affine, factor, 0})};
  }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    return affine(active) ? DeltaRule::linear : DeltaRule::custom;
  }
  // Rescale: m_x = m_y (y - y') / (x - x').
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    if (affine(args.active)) return Primitive::multipliers(exec, args);
    exec.device.unary_multipliers(exec.workspace, f_, args.inputs[0], args.reference_inputs[0], args.outputs[0],
                                  args.reference_outputs[0], args.output_multipliers[0], args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions active, Positions wanted) const override {
    if (affine(active)) return backward_reads(wanted);
    return {Positions::of({0}), kernels::multipliers_read_y(f_) ? Positions::of({0}) : Positions::none()};
  }
  [[nodiscard]] bool backward_in_place() const override { return !logical(); }
  [[nodiscard]] LayoutRule layout_rule() const override {
    return logical() ? LayoutRule::plain : LayoutRule::elementwise;
  }

 private:
  [[nodiscard]] bool logical() const { return f_.kind == Unary::logical_not || f_.kind == Unary::is_nan; }
  [[nodiscard]] bool integer() const {
    return f_.kind == Unary::neg || f_.kind == Unary::abs || f_.kind == Unary::sign || f_.kind == Unary::relu;
  }
  void reject(const TensorType& type) const {
    throw Error(Code::kInvalidModel, fmt::format("{} does not take {} tensors", name(), to_string(type.dtype)));
  }

  UnaryFunction f_;
};

constexpr std::array kBinaryNames = {"add", "sub",  "mul",   "div",  "pow",           "max",     "min",
                                     "mod", "fmod", "equal", "less", "less_or_equal", "greater", "greater_or_equal",
                                     "and", "or",   "xor"};
static_assert(kBinaryNames.size() == static_cast<std::size_t>(Binary::logical_xor) + 1);

class BinaryPrimitive final : public Primitive {
 public:
  explicit BinaryPrimitive(Binary f) : f_(f) {}
  [[nodiscard]] Binary function() const { return f_; }

  [[nodiscard]] std::string_view name() const override { return kBinaryNames[static_cast<std::size_t>(f_)]; }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const TensorType& a = inputs[0];
    const TensorType& b = inputs[1];
    const bool logical = f_ >= Binary::logical_and;
    if (a.dtype != b.dtype || logical != (a.dtype == DType::b8 && f_ != Binary::equal)) {
      throw Error(Code::kInvalidModel,
                  fmt::format("{} does not take {} and {} tensors", name(), to_string(a.dtype), to_string(b.dtype)));
    }
    return {{is_comparison() || logical ? DType::b8 : a.dtype, broadcast_shape(a.shape, b.shape, name())}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.binary(exec.workspace, f_, in[0], in[1], out[0]);
  }
  [[nodiscard]] bool compares(Positions active) const override {
    return active.has(0) && active.has(1) && (is_comparison() || f_ == Binary::max || f_ == Binary::min);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override;
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    Positions inputs;
    Positions outputs;
    switch (f_) {
      case Binary::mul:
        if (wanted.has(0)) inputs.add(1);
        if (wanted.has(1)) inputs.add(0);
        break;
      case Binary::div:
        inputs.add(1);
        if (wanted.has(1)) outputs.add(0);
        break;
      case Binary::pow:
        inputs.add(0);
        if (wanted.has(0)) inputs.add(1);
        if (wanted.has(1)) outputs.add(0);
        break;
      case Binary::max:
      case Binary::min:
        inputs = Positions::of({0, 1});
        break;
      case Binary::mod:
      case Binary::fmod:
        if (wanted.has(1)) inputs = Positions::of({0, 1});
        break;
      default:
        break;
    }
    return {inputs, outputs};
  }
  [[nodiscard]] bool differentiable() const override { return f_ < Binary::equal; }
  [[nodiscard]] bool affine(Positions active) const override {
    switch (f_) {
      case Binary::add:
      case Binary::sub:
        return true;
      case Binary::mul:
        return !(active.has(0) && active.has(1));
      case Binary::div:
        return !active.has(1);
      default:
        return false;
    }
  }
  [[nodiscard]] bool piecewise_affine(Positions active) const override {
    return affine(active) || f_ == Binary::max || f_ == Binary::min;
  }
  // max and min change the operand where a - b changes its sign.
  void kinks(Exec& exec, const LineArgs& line, std::vector<double>& at) const override {
    const Shape shape = broadcast_shape(line.from[0].shape(), line.from[1].shape(), name());
    const auto difference = [&](std::span<const Tensor> operands) {
      const Tensor t = exec.workspace.temporary({exec.device.real(), shape});
      exec.device.binary(exec.workspace, Binary::sub, operands[0], operands[1], t);
      return t.as<double>();
    };
    const auto from = difference(line.from);
    const auto to = difference(line.to);
    for (std::size_t i = 0; i < from.size(); ++i) add_crossing(from[i], to[i], at);
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    if (!affine(active)) return std::nullopt;
    if (f_ == Binary::mul || f_ == Binary::div) return Magnitudes{.absolute = active.complement()};
    return Magnitudes{make_binary(Binary::add), {}, active.complement(), active.has(0) && active.has(1)};
  }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    if (affine(active)) return DeltaRule::linear;
    return f_ == Binary::mul ? DeltaRule::bilinear : DeltaRule::custom;
  }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override;
  [[nodiscard]] BackwardReads multiplier_reads(Positions active, Positions wanted) const override {
    // Integers may be divided: both operands, although a quotient of real ones needs the denominator alone.
    if (delta_rule(active) != DeltaRule::custom && f_ != Binary::div) return backward_reads(wanted);
    return {Positions::of({0, 1}), {}};
  }
  [[nodiscard]] LayoutRule layout_rule() const override {
    const bool blocked = f_ <= Binary::div || f_ == Binary::max || f_ == Binary::min;
    return blocked ? LayoutRule::elementwise : LayoutRule::plain;
  }

 private:
  [[nodiscard]] bool is_comparison() const { return f_ >= Binary::equal && f_ <= Binary::greater_or_equal; }

  Binary f_;
};

// d(a+b) = da + db;  d(a-b) = da - db;  d(ab) = b da + a db;  d(a/b) = da/b - (a/b)/b db;
// d(a^b) = b a^(b-1) da + a^b log(a) db;  max and min send the gradient to the winner, to a where they are equal.
void BinaryPrimitive::vjp(Exec& exec, const VjpArgs& args) const {
  kernels::Device& device = exec.device;
  kernels::Workspace& ws = exec.workspace;
  const Tensor& g = args.output_gradients[0];
  const TensorType full = g.type;
  const auto temporary = [&] { return ws.temporary(full); };
  const auto product = [&](const Tensor& x, const Tensor& y) {
    const Tensor t = temporary();
    device.binary(ws, Binary::mul, x, y, t);
    return t;
  };
  // The local gradient of input i, of the output's type.
  const auto local = [&](std::size_t i) -> Tensor {
    const Tensor& a = args.inputs[0];
    const Tensor& b = args.inputs[1];
    switch (f_) {
      case Binary::add:
        return g;
      case Binary::sub: {
        if (i == 0) return g;
        const Tensor t = temporary();
        device.unary(ws, {Unary::neg}, g, t);
        return t;
      }
      case Binary::mul:
        return product(g, i == 0 ? b : a);
      case Binary::div: {
        const Tensor t = temporary();
        device.binary(ws, Binary::div, g, b, t);
        if (i == 0) return t;
        const Tensor scaled = product(t, args.outputs[0]);
        device.unary(ws, {Unary::neg}, scaled, scaled);
        return scaled;
      }
      case Binary::pow: {
        const Tensor zero = ws.temporary({device.real(), {}});
        device.fill(zero, 0);
        if (i == 0) {
          const Tensor less = ws.temporary(b.type);
          device.unary(ws, {Unary::affine, 1, -1}, b, less);
          const Tensor t = temporary();
          device.binary(ws, Binary::pow, a, less, t);
          const Tensor slope = product(product(t, b), g);
          // a^0 is constant: the gradient at a = 0 is 0, not 0 * infinity.
          const Tensor flat = ws.temporary({DType::b8, b.shape()});
          device.binary(ws, Binary::equal, b, zero, flat);
          device.where(ws, flat, zero, slope, t);
          return t;
        }
        const Tensor log = ws.temporary(a.type);
        device.unary(ws, {Unary::log}, a, log);
        // 0^b has the gradient 0 in b, not 0 * -infinity.
        const Tensor positive = ws.temporary({DType::b8, a.shape()});
        device.binary(ws, Binary::greater, a, zero, positive);
        device.where(ws, positive, log, zero, log);
        return product(product(args.outputs[0], log), g);
      }
      case Binary::max:
      case Binary::min: {
        const Tensor x = as_plain(exec, a);
        const Tensor y = as_plain(exec, b);
        const Tensor first = ws.temporary({DType::b8, g.shape()});
        device.binary(ws, f_ == Binary::max ? Binary::greater_or_equal : Binary::less_or_equal, x, y, first);
        const Tensor zero = ws.temporary({device.real(), {}});
        device.fill(zero, 0);
        const Tensor t = ws.temporary({device.real(), g.shape()});
        const Tensor plain = as_plain(exec, g);
        i == 0 ? device.where(ws, first, plain, zero, t) : device.where(ws, first, zero, plain, t);
        return t;
      }
      case Binary::mod:
      case Binary::fmod: {
        if (i == 0) return g;
        // a mod b = a - floor(a/b) b (truncation for fmod), so d/db = -floor(a/b).
        const Tensor q = temporary();
        device.binary(ws, Binary::div, a, b, q);
        if (f_ == Binary::mod) {
          device.unary(ws, {Unary::floor}, q, q);
        } else {
          const Tensor remainder = temporary();
          device.binary(ws, Binary::fmod, a, b, remainder);
          device.binary(ws, Binary::sub, a, remainder, q);
          device.binary(ws, Binary::div, q, b, q);
        }
        device.unary(ws, {Unary::neg}, q, q);
        return product(q, g);
      }
      default:
        throw Error(Code::kInternal, fmt::format("{} has no gradient", name()));
    }
  };
  for (std::size_t i = 0; i < 2; ++i) {
    const Tensor& target = args.input_gradients[i];
    if (target.empty()) continue;
    if (!differentiable() || !target.type.is_real()) {
      device.fill(target, 0);
      continue;
    }
    const Tensor gradient = local(i);
    if (gradient.data == target.data) continue;  // the Plan lets sums share the cotangent's memory
    if (gradient.shape() == target.shape()) {
      device.copy(ws, gradient, target);
    } else {
      sum_to_shape(exec, as_plain(exec, gradient), target);
    }
  }
}

// The mean over the two orders in which the operands can move from the reference.
void BinaryPrimitive::multipliers(Exec& exec, const MultiplierArgs& args) const {
  const bool truncates = f_ == Binary::div && !args.inputs[0].type.is_real();
  if (delta_rule(args.active) != DeltaRule::custom && !truncates) return Primitive::multipliers(exec, args);
  const Tensor my = as_plain(exec, args.output_multipliers[0]);
  std::array<Tensor, 2> full{};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!args.input_multipliers[i].empty()) full[i] = exec.workspace.temporary({my.dtype(), my.shape()});
  }
  exec.device.binary_multipliers(exec.workspace, f_, as_plain(exec, args.inputs[0]), as_plain(exec, args.inputs[1]),
                                 as_plain(exec, args.reference_inputs[0]), as_plain(exec, args.reference_inputs[1]), my,
                                 full[0], full[1]);
  for (std::size_t i = 0; i < 2; ++i) {
    const Tensor& target = args.input_multipliers[i];
    if (target.empty()) continue;
    if (full[i].shape() == target.shape()) {
      exec.device.copy(exec.workspace, full[i], target);
    } else {
      sum_to_shape(exec, full[i], target);
    }
  }
}

class WherePrimitive final : public Primitive {
 public:
  [[nodiscard]] std::string_view name() const override { return "where"; }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (inputs[0].dtype != DType::b8 || inputs[1].dtype != inputs[2].dtype) {
      throw Error(Code::kInvalidModel, "where needs a boolean condition and two tensors of one type");
    }
    return {{inputs[1].dtype,
             broadcast_shape(inputs[0].shape, broadcast_shape(inputs[1].shape, inputs[2].shape, name()), name())}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.where(exec.workspace, in[0], in[1], in[2], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& g = args.output_gradients[0];
    const Tensor zero = exec.workspace.temporary({exec.device.real(), {}});
    exec.device.fill(zero, 0);
    for (std::size_t i = 0; i < 3; ++i) {
      const Tensor& target = args.input_gradients[i];
      if (target.empty()) continue;
      if (!target.type.is_real()) {
        exec.device.fill(target, 0);
        continue;
      }
      const Tensor masked = exec.workspace.temporary(g.type);
      i == 1 ? exec.device.where(exec.workspace, args.inputs[0], g, zero, masked)
             : exec.device.where(exec.workspace, args.inputs[0], zero, g, masked);
      sum_to_shape(exec, masked, target);
    }
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {Positions::of({0}), {}}; }
  [[nodiscard]] bool affine(Positions active) const override { return !active.has(0); }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    if (!affine(active)) return std::nullopt;
    Positions zero;
    for (const std::size_t branch : {1, 2}) {
      if (!active.has(branch)) zero.add(branch);
    }
    return Magnitudes{.zero = zero};
  }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    return affine(active) ? DeltaRule::linear : DeltaRule::custom;
  }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override;
  [[nodiscard]] BackwardReads multiplier_reads(Positions active, Positions wanted) const override {
    if (affine(active)) return backward_reads(wanted);
    return {wanted.has(0) ? Positions::of({0, 1, 2}) : Positions::of({0}), {}};
  }
};

// y = c a + (1 - c) b with c = 0 or 1, and products split symmetrically: m_a = m_y (c + c')/2,
// m_b = m_y (1 - (c + c')/2), m_c = m_y [(a + a') - (b + b')]/2.
void WherePrimitive::multipliers(Exec& exec, const MultiplierArgs& args) const {
  if (affine(args.active)) return Primitive::multipliers(exec, args);
  kernels::Device& device = exec.device;
  kernels::Workspace& ws = exec.workspace;
  const Tensor& my = args.output_multipliers[0];
  const DType real = device.real();
  const auto mean = [&](std::size_t i) {
    const Tensor middle = ws.temporary({real, args.inputs[i].shape()});
    device.interpolate(as_real(exec, args.reference_inputs[i]), as_real(exec, args.inputs[i]), 0.5, middle);
    return middle;
  };
  const auto pass = [&](const Tensor& factor, const Tensor& target) {
    const Tensor full = ws.temporary({real, my.shape()});
    device.binary(ws, Binary::mul, factor, my, full);
    sum_to_shape(exec, full, target);
  };
  const Tensor share = mean(0);
  if (!args.input_multipliers[1].empty()) pass(share, args.input_multipliers[1]);
  if (!args.input_multipliers[2].empty()) {
    const Tensor rest = ws.temporary(share.type);
    device.unary(ws, {Unary::affine, -1, 1}, share, rest);
    pass(rest, args.input_multipliers[2]);
  }
  if (!args.input_multipliers[0].empty()) {
    const Tensor difference = ws.temporary({real, my.shape()});
    device.binary(ws, Binary::sub, mean(1), mean(2), difference);
    pass(difference, args.input_multipliers[0]);
  }
}

}  // namespace

PrimitivePtr make_unary(UnaryFunction f) { return std::make_shared<UnaryPrimitive>(f); }
PrimitivePtr make_binary(Binary f) { return std::make_shared<BinaryPrimitive>(f); }
PrimitivePtr make_where() { return std::make_shared<WherePrimitive>(); }

std::optional<UnaryFunction> as_unary(const Primitive& p) {
  const auto* unary = dynamic_cast<const UnaryPrimitive*>(&p);
  return unary == nullptr ? std::nullopt : std::optional(unary->function());
}

std::optional<Binary> as_binary(const Primitive& p) {
  const auto* binary = dynamic_cast<const BinaryPrimitive*>(&p);
  return binary == nullptr ? std::nullopt : std::optional(binary->function());
}

}  // namespace mho::primitives
