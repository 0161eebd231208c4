// Scaled dot-product attention (arXiv 1706.03762, section 3.2.1) as one primitive, which never stores all scores.
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/axes.h"
#include "primitives/broadcast.h"
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

using kernels::AttentionAttributes;
using kernels::AttentionOperands;
using kernels::Unary;

enum Operand : std::size_t { kQ, kK, kV, kBias };

Shape batch_of(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

class Attention final : public Primitive {
 public:
  explicit Attention(const AttentionAttributes& attributes) : attributes_(attributes) {}
  [[nodiscard]] std::string_view name() const override { return "attention"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("scale {}{}", attributes_.scale, attributes_.transpose_k ? "" : ", keys in columns");
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.attention(exec.workspace, attributes_, operands(in), out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override;
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    Positions reads = Positions::of({kQ, kK, kBias});
    if (wanted.has(kQ) || wanted.has(kK) || wanted.has(kBias)) reads.add(kV);
    return {reads, {}};
  }
  [[nodiscard]] bool affine(Positions active) const override {
    return !active.has(kQ) && !active.has(kK) && !active.has(kBias);
  }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    return affine(active) ? DeltaRule::linear : DeltaRule::custom;
  }
  void multipliers(Exec& exec, const MultiplierArgs& args) const override;
  [[nodiscard]] BackwardReads multiplier_reads(Positions active, Positions wanted) const override {
    return affine(active) ? backward_reads(wanted) : BackwardReads{Positions::of({kQ, kK, kV, kBias}), {}};
  }
  [[nodiscard]] double flops(std::span<const TensorType> inputs, std::span<const TensorType> outputs) const override {
    const Shape scores = scores_shape(inputs[kQ].shape, inputs[kK].shape);
    return 2.0 * static_cast<double>(element_count(scores)) *
           static_cast<double>(inputs[kQ].shape.back() + outputs[0].shape.back());
  }

 private:
  static AttentionOperands operands(std::span<const Tensor> in) {
    return {in[kQ], in[kK], in[kV], in.size() > kBias ? in[kBias] : Tensor{}};
  }
  [[nodiscard]] Shape scores_shape(const Shape& q, const Shape& k) const {
    Shape shape = q;
    shape.back() = k[k.size() - (attributes_.transpose_k ? 2 : 1)];
    return shape;
  }
  /// softmax(scores), and the scores.
  struct Weights {
    Tensor scores, weights;
  };
  [[nodiscard]] Weights weights(Exec& exec, std::span<const Tensor> in) const;

  AttentionAttributes attributes_;
};

std::vector<TensorType> Attention::infer(std::span<const TensorType> inputs) const {
  const Shape& q = inputs[kQ].shape;
  const Shape& k = inputs[kK].shape;
  const Shape& v = inputs[kV].shape;
  bool fit = q.size() >= 2 && k.size() == q.size() && v.size() == q.size();
  for (const TensorType& input : inputs) fit = fit && input.dtype == kReal;
  fit = fit && batch_of(q) == batch_of(k) && batch_of(q) == batch_of(v);
  fit = fit && q.back() == k[k.size() - (attributes_.transpose_k ? 1 : 2)];
  const Shape scores = fit ? scores_shape(q, k) : Shape{};
  fit = fit && v[v.size() - 2] == scores.back() && scores.back() > 0;
  if (fit && inputs.size() > kBias) {
    fit = inputs[kBias].shape.size() <= q.size() && broadcast_shape(scores, inputs[kBias].shape, name()) == scores;
  }
  if (!fit) {
    throw Error(Code::kInvalidModel,
                fmt::format("attention: queries {}, keys {}, values {}{} do not fit", to_string(q), to_string(k),
                            to_string(v), inputs.size() > kBias ? " and bias " + to_string(inputs[kBias].shape) : ""));
  }
  Shape shape = q;
  shape.back() = v.back();
  static_cast<void>(element_count(shape));
  return {{kReal, shape}};
}

void Attention::vjp(Exec& exec, const VjpArgs& args) const {
  AttentionOperands gradients = operands(args.input_gradients);
  const Tensor of_bias = gradients.bias;
  if (!of_bias.empty()) {
    const Shape shape = scores_shape(args.inputs[kQ].shape(), args.inputs[kK].shape());
    gradients.bias = exec.workspace.temporary({exec.device.real(), shape});
  }
  exec.device.attention_vjp(exec.workspace, attributes_, operands(args.inputs), args.output_gradients[0], gradients);
  if (!of_bias.empty()) sum_to_shape(exec, gradients.bias, of_bias);
}

Attention::Weights Attention::weights(Exec& exec, std::span<const Tensor> in) const {
  const TensorType type{exec.device.real(), scores_shape(in[kQ].shape(), in[kK].shape())};
  const Weights result{exec.workspace.temporary(type), exec.workspace.temporary(type)};
  const Tensor& s = result.scores;
  exec.device.matmul(exec.workspace, {false, attributes_.transpose_k}, in[kQ], in[kK], s, {});
  exec.device.unary(exec.workspace, {Unary::affine, attributes_.scale, 0}, s, s);
  if (in.size() > kBias) exec.device.binary(exec.workspace, kernels::Binary::add, s, in[kBias], s);
  exec.device.softmax(exec.workspace, s, static_cast<std::int64_t>(s.rank()) - 1, result.weights);
  return result;
}

// The rules of what it is composed of, one after the other (MATHS.md section 3): y = p v and s = scale q k^T + bias by
// the symmetric split, p = softmax(s) by softmax's rule.
void Attention::multipliers(Exec& exec, const MultiplierArgs& args) const {
  if (affine(args.active)) return vjp(exec, {args.inputs, {}, {}, args.output_multipliers, args.input_multipliers});
  kernels::Workspace& workspace = exec.workspace;
  const auto middle = [&](const Tensor& x, const Tensor& reference) {
    const Tensor result = workspace.temporary(x.type);
    exec.device.interpolate(reference, x, 0.5, result);
    return result;
  };
  const auto at_middle = [&](Operand i) { return middle(args.inputs[i], args.reference_inputs[i]); };
  const Tensor& my = args.output_multipliers[0];
  const auto [s, p] = weights(exec, args.inputs);
  const auto [rs, rp] = weights(exec, args.reference_inputs);
  if (const Tensor& mv = args.input_multipliers[kV]; !mv.empty()) {
    exec.device.matmul(workspace, {true, false}, middle(p, rp), my, mv, {});
  }
  const Tensor mp = workspace.temporary(s.type);
  exec.device.matmul(workspace, {false, true}, my, at_middle(kV), mp, {});
  const Tensor ms = workspace.temporary(s.type);
  exec.device.softmax_multipliers(workspace, false, s, rs, static_cast<std::int64_t>(s.rank()) - 1, mp, ms);
  if (args.input_multipliers.size() > kBias && !args.input_multipliers[kBias].empty()) {
    sum_to_shape(exec, ms, args.input_multipliers[kBias]);
  }
  exec.device.unary(workspace, {Unary::affine, attributes_.scale, 0}, ms, ms);
  const bool rows = attributes_.transpose_k;
  if (const Tensor& mq = args.input_multipliers[kQ]; !mq.empty()) {
    exec.device.matmul(workspace, {false, !rows}, ms, at_middle(kK), mq, {});
  }
  if (const Tensor& mk = args.input_multipliers[kK]; !mk.empty()) {
    const Tensor q = at_middle(kQ);
    rows ? exec.device.matmul(workspace, {true, false}, ms, q, mk, {})
         : exec.device.matmul(workspace, {true, false}, q, ms, mk, {});
  }
}

}  // namespace

PrimitivePtr make_attention(AttentionAttributes attributes) { return std::make_shared<Attention>(attributes); }

bool is_attention(const Primitive& p) { return dynamic_cast<const Attention*>(&p) != nullptr; }

}  // namespace mho::primitives
