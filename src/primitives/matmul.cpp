// Matrix product over the last two axes with numpy broadcasting of the others, and optional fused bias and ReLU.
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/broadcast.h"
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

using kernels::MatmulAttributes;

class Matmul final : public Primitive {
 public:
  Matmul(MatmulAttributes attributes, bool relu) : attributes_(attributes), relu_(relu) {}
  [[nodiscard]] MatmulFacts facts() const { return {attributes_, relu_}; }

  [[nodiscard]] std::string_view name() const override { return "matmul"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("{}{}{}", attributes_.transpose_a ? "a^T " : "", attributes_.transpose_b ? "b^T " : "",
                       relu_ ? "relu" : "");
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& a = inputs[0].shape;
    const Shape& b = inputs[1].shape;
    if (a.size() < 2 || b.size() < 2 || inputs[0].dtype != kReal || inputs[1].dtype != kReal) {
      throw Error(Code::kInvalidModel,
                  fmt::format("matmul needs real matrices, got {} {} and {} {}", to_string(inputs[0].dtype),
                              to_string(a), to_string(inputs[1].dtype), to_string(b)));
    }
    const auto extent = [](const Shape& s, bool transpose, bool row) {
      return s[s.size() - (transpose == row ? 1 : 2)];
    };
    if (extent(a, attributes_.transpose_a, false) != extent(b, attributes_.transpose_b, true)) {
      throw Error(Code::kInvalidModel,
                  fmt::format("matmul: inner extents of {}{} and {}{} differ", to_string(a),
                              attributes_.transpose_a ? "^T" : "", to_string(b), attributes_.transpose_b ? "^T" : ""));
    }
    Shape shape = broadcast_shape(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2), name());
    shape.push_back(extent(a, attributes_.transpose_a, true));
    shape.push_back(extent(b, attributes_.transpose_b, false));
    if (inputs.size() == 3 && (inputs[2].shape != Shape{shape.back()} || inputs[2].dtype != kReal)) {
      throw Error(Code::kInvalidModel,
                  fmt::format("matmul: bias {} does not fit {} columns", to_string(inputs[2].shape), shape.back()));
    }
    static_cast<void>(element_count(shape));
    return {{kReal, shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.matmul(exec.workspace, attributes_, in[0], in[1], out[0],
                       {in.size() == 3 ? &in[2] : nullptr, nullptr, relu_});
  }
  void vjp(Exec& exec, const VjpArgs& args) const override;
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    BackwardReads reads;
    if (wanted.has(0)) reads.inputs.add(1);
    if (wanted.has(1)) reads.inputs.add(0);
    if (relu_) reads.outputs.add(0);
    return reads;
  }
  [[nodiscard]] bool affine(Positions active) const override { return !relu_ && !(active.has(0) && active.has(1)); }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    if (affine(active)) return DeltaRule::linear;
    return relu_ ? DeltaRule::none : DeltaRule::bilinear;
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    if (!affine(active) || active.has(2)) return std::nullopt;
    return Magnitudes{
        .absolute = Positions::of({active.has(0) ? std::size_t{1} : 0}), .zero = Positions::of({2}), .mixes = true};
  }
  [[nodiscard]] double flops(std::span<const TensorType> inputs, std::span<const TensorType> outputs) const override {
    const Shape& a = inputs[0].shape;
    return 2.0 * static_cast<double>(outputs[0].elements()) *
           static_cast<double>(a[a.size() - (attributes_.transpose_a ? 2 : 1)]);
  }

 private:
  /// target = op(a) @ op(b), summed over the batch axes that target lacks.
  static void product(Exec& exec, MatmulAttributes attributes, const Tensor& a, const Tensor& b, const Tensor& target) {
    Shape shape = broadcast_shape(Shape(a.shape().begin(), a.shape().end() - 2),
                                  Shape(b.shape().begin(), b.shape().end() - 2), "matmul");
    shape.insert(shape.end(), target.shape().end() - 2, target.shape().end());
    if (shape == target.shape()) return exec.device.matmul(exec.workspace, attributes, a, b, target, {});
    const Tensor full = exec.workspace.temporary({target.dtype(), shape});
    exec.device.matmul(exec.workspace, attributes, a, b, full, {});
    sum_to_shape(exec, full, target);
  }

  MatmulAttributes attributes_;
  bool relu_;
};

// y = op(a) op(b) + bias: d op(a) = g op(b)^T, d op(b) = op(a)^T g, d bias = column sums of g.
void Matmul::vjp(Exec& exec, const VjpArgs& args) const {
  Tensor g = args.output_gradients[0];
  if (relu_) {
    const Tensor masked = exec.workspace.temporary(g.type);
    exec.device.unary_vjp(exec.workspace, {kernels::Unary::relu}, {}, args.outputs[0], g, masked);
    g = masked;
  }
  const Tensor& ga = args.input_gradients[0];
  const Tensor& gb = args.input_gradients[1];
  const bool ta = attributes_.transpose_a;
  const bool tb = attributes_.transpose_b;
  if (!ga.empty()) {
    ta ? product(exec, {tb, true}, args.inputs[1], g, ga) : product(exec, {false, !tb}, g, args.inputs[1], ga);
  }
  if (!gb.empty()) {
    tb ? product(exec, {true, ta}, g, args.inputs[0], gb) : product(exec, {!ta, false}, args.inputs[0], g, gb);
  }
  if (args.input_gradients.size() == 3 && !args.input_gradients[2].empty()) {
    sum_to_shape(exec, g, args.input_gradients[2]);
  }
}

}  // namespace

PrimitivePtr make_matmul(MatmulAttributes attributes, bool relu) { return std::make_shared<Matmul>(attributes, relu); }

std::optional<MatmulFacts> as_matmul(const Primitive& p) {
  const auto* matmul = dynamic_cast<const Matmul*>(&p);
  return matmul == nullptr ? std::nullopt : std::optional(matmul->facts());
}

}  // namespace mho::primitives
