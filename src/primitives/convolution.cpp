// Convolution with optional fused bias, residual sum and ReLU; and its transpose (ONNX Conv, ConvTranspose).
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>

#include "primitives/broadcast.h"
#include "primitives/primitives.h"
#include "primitives/window_shape.h"

namespace mho::primitives {

namespace {

using kernels::ConvolutionAttributes;

/// Checks x [N, C, ...] against weights whose axis `own` counts groups*... and `other` per-group channels.
void check_weights(const ConvolutionAttributes& attributes, const TensorType& x, const TensorType& w,
                   std::string_view who) {
  const std::size_t axes = attributes.window.kernel.size();
  if (x.dtype != kReal || w.dtype != kReal || w.shape.size() != axes + 2 || x.shape.size() != axes + 2 ||
      !std::equal(attributes.window.kernel.begin(), attributes.window.kernel.end(), w.shape.begin() + 2)) {
    invalid(fmt::format("{}: input {} and weights {} do not fit kernel {}", who, to_string(x.shape), to_string(w.shape),
                        to_string(attributes.window.kernel)));
  }
  // Groups divide both channel counts, so more groups than channels cannot be (and products below stay small).
  if (attributes.groups < 1 || attributes.groups > x.shape[1] || w.shape[0] < 1 || w.shape[1] < 1) {
    invalid(fmt::format("{}: {} groups do not fit input {} and weights {}", who, attributes.groups, to_string(x.shape),
                        to_string(w.shape)));
  }
  check_window(attributes.window, x.shape.size(), who);
}

double product_count(const Shape& w, const Shape& activations) {
  double count = 2.0 * static_cast<double>(element_count(w)) * static_cast<double>(activations[0]);
  for (std::size_t i = 2; i < activations.size(); ++i) count *= static_cast<double>(activations[i]);
  return count;
}

class Convolution final : public Primitive {
 public:
  Convolution(ConvolutionAttributes attributes, ConvolutionFusion fusion)
      : attributes_(std::move(attributes)), adjoint_(attributes_), fusion_(fusion) {
    adjoint_.keep_ties = false;  // nobody compares gradients
  }
  [[nodiscard]] ConvolutionFacts facts() const { return {attributes_, fusion_}; }

  [[nodiscard]] std::string_view name() const override { return "convolution"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("{}, groups {}{}{}{}", describe_window(attributes_.window), attributes_.groups,
                       fusion_.bias ? ", bias" : "", fusion_.residual ? ", residual" : "",
                       fusion_.relu ? ", relu" : "");
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& x = inputs[0].shape;
    const Shape& w = inputs[1].shape;
    check_weights(attributes_, inputs[0], inputs[1], name());
    if (x[1] % attributes_.groups != 0 || x[1] / attributes_.groups != w[1] || w[0] % attributes_.groups != 0) {
      invalid(fmt::format("convolution: {} input channels, weights {} and {} groups do not fit", x[1], to_string(w),
                          attributes_.groups));
    }
    Shape y{x[0], w[0]};
    const Shape spatial = window_output(attributes_.window, x, name());
    y.insert(y.end(), spatial.begin(), spatial.end());
    static_cast<void>(element_count(y));
    if (fusion_.bias && (inputs[2].shape != Shape{w[0]} || inputs[2].dtype != kReal)) {
      invalid(fmt::format("convolution: bias {} does not fit {} output channels", to_string(inputs[2].shape), w[0]));
    }
    if (fusion_.residual && (inputs.back().shape != y || inputs.back().dtype != kReal)) {
      invalid(
          fmt::format("convolution: residual {} does not fit output {}", to_string(inputs.back().shape), to_string(y)));
    }
    return {{kReal, y}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.convolution(
        exec.workspace, attributes_, in[0], in[1], out[0],
        {fusion_.bias ? &in[2] : nullptr, fusion_.residual ? &in[in.size() - 1] : nullptr, fusion_.relu});
  }
  void vjp(Exec& exec, const VjpArgs& args) const override;
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    BackwardReads reads;
    if (wanted.has(0)) reads.inputs.add(1);
    if (wanted.has(1)) reads.inputs.add(0);
    if (fusion_.relu) reads.outputs.add(0);
    return reads;
  }
  [[nodiscard]] bool affine(Positions active) const override {
    return !fusion_.relu && !(active.has(0) && active.has(1));
  }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    if (affine(active)) return DeltaRule::linear;
    return fusion_.relu ? DeltaRule::none : DeltaRule::bilinear;
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    if (!affine(active) || !active.has(0)) return std::nullopt;
    Positions zero;
    for (std::size_t i = 2; i < 4; ++i) {
      if (!active.has(i)) zero.add(i);
    }
    return Magnitudes{.absolute = Positions::of({1}), .zero = zero, .mixes = true};
  }
  [[nodiscard]] PrimitivePtr keeping_ties() const override {
    ConvolutionAttributes attributes = attributes_;
    attributes.keep_ties = true;
    return make_convolution(std::move(attributes), fusion_);
  }
  [[nodiscard]] LayoutRule layout_rule() const override { return LayoutRule::convolution; }
  [[nodiscard]] double flops(std::span<const TensorType> inputs, std::span<const TensorType> outputs) const override {
    return product_count(inputs[1].shape, outputs[0].shape);
  }

 private:
  ConvolutionAttributes attributes_, adjoint_;
  ConvolutionFusion fusion_;
};

void Convolution::vjp(Exec& exec, const VjpArgs& args) const {
  kernels::Device& device = exec.device;
  kernels::Workspace& ws = exec.workspace;
  Tensor g = args.output_gradients[0];
  if (fusion_.relu) {
    // The residual's gradient is the masked cotangent itself: write it there at once where it is wanted.
    const Tensor& residual = args.input_gradients.back();
    const bool reuse = fusion_.residual && !residual.empty();
    const Tensor masked = reuse ? residual : ws.temporary(g.type);
    device.unary_vjp(ws, {kernels::Unary::relu}, {}, args.outputs[0], g, masked);
    g = masked;
  } else if (fusion_.residual && !args.input_gradients.back().empty()) {
    device.copy(ws, g, args.input_gradients.back());
  }
  if (!args.input_gradients[0].empty()) {
    device.convolution_vjp_data(ws, adjoint_, g, args.inputs[1], args.input_gradients[0]);
  }
  if (!args.input_gradients[1].empty()) {
    device.convolution_vjp_weights(ws, attributes_, as_plain(exec, args.inputs[0]), as_plain(exec, g),
                                   args.input_gradients[1]);
  }
  if (fusion_.bias && !args.input_gradients[2].empty()) {
    Shape channels(g.rank(), 1);
    channels[1] = g.dim(1);
    device.reduce(ws, kernels::ReduceKind::sum, as_plain(exec, g), args.input_gradients[2].reshaped(channels));
  }
}

class ConvolutionTranspose final : public Primitive {
 public:
  ConvolutionTranspose(ConvolutionAttributes attributes, Shape output_padding)
      : attributes_(std::move(attributes)), adjoint_(attributes_), output_padding_(std::move(output_padding)) {
    adjoint_.keep_ties = false;  // nobody compares gradients
  }

  [[nodiscard]] std::string_view name() const override { return "convolution_transpose"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("{}, groups {}", describe_window(attributes_.window), attributes_.groups);
  }
  // Weights [C, M/groups, kernel...]: those of the convolution from y to x.
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& x = inputs[0].shape;
    const Shape& w = inputs[1].shape;
    check_weights(attributes_, inputs[0], inputs[1], name());
    if (x[1] != w[0] || x[1] % attributes_.groups != 0 || output_padding_.size() + 2 != x.size()) {
      invalid(fmt::format("convolution_transpose: {} input channels, weights {} and {} groups do not fit", x[1],
                          to_string(w), attributes_.groups));
    }
    const kernels::Window& window = attributes_.window;
    Shape y{x[0], w[1] * attributes_.groups};
    for (std::size_t i = 0; i < output_padding_.size(); ++i) {
      if (x[i + 2] < 1 || x[i + 2] > (std::int64_t{1} << 30) || output_padding_[i] < 0 ||
          output_padding_[i] > (std::int64_t{1} << 30)) {
        invalid(fmt::format("convolution_transpose: input {} or output padding {} is out of range", to_string(x),
                            to_string(output_padding_)));
      }
      y.push_back(window.strides[i] * (x[i + 2] - 1) + output_padding_[i] +
                  (window.kernel[i] - 1) * window.dilations[i] + 1 - window.pads_begin[i] - window.pads_end[i]);
    }
    static_cast<void>(element_count(y));
    const Shape back = window_output(window, y, name());
    if (!std::equal(back.begin(), back.end(), x.begin() + 2)) {
      throw Error(Code::kUnsupported,
                  fmt::format("convolution_transpose: output padding {} reaches the strides {}; pad the result instead",
                              to_string(output_padding_), to_string(window.strides)));
    }
    return {{kReal, y}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.convolution_vjp_data(exec.workspace, attributes_, in[0], in[1], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& g = args.output_gradients[0];
    if (!args.input_gradients[0].empty()) {
      exec.device.convolution(exec.workspace, adjoint_, g, args.inputs[1], args.input_gradients[0], {});
    }
    if (!args.input_gradients[1].empty()) {
      exec.device.convolution_vjp_weights(exec.workspace, attributes_, g, args.inputs[0], args.input_gradients[1]);
    }
  }
  [[nodiscard]] BackwardReads backward_reads(Positions wanted) const override {
    BackwardReads reads;
    if (wanted.has(0)) reads.inputs.add(1);
    if (wanted.has(1)) reads.inputs.add(0);
    return reads;
  }
  [[nodiscard]] bool affine(Positions active) const override { return !(active.has(0) && active.has(1)); }
  [[nodiscard]] DeltaRule delta_rule(Positions active) const override {
    return affine(active) ? DeltaRule::linear : DeltaRule::bilinear;
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    if (!active.has(0) || active.has(1)) return std::nullopt;
    return Magnitudes{.absolute = Positions::of({1}), .mixes = true};
  }
  [[nodiscard]] PrimitivePtr keeping_ties() const override {
    ConvolutionAttributes attributes = attributes_;
    attributes.keep_ties = true;
    return make_convolution_transpose(std::move(attributes), output_padding_);
  }
  [[nodiscard]] double flops(std::span<const TensorType> inputs, std::span<const TensorType>) const override {
    return product_count(inputs[1].shape, inputs[0].shape);
  }

 private:
  ConvolutionAttributes attributes_, adjoint_;
  Shape output_padding_;
};

}  // namespace

PrimitivePtr make_convolution(ConvolutionAttributes attributes, ConvolutionFusion fusion) {
  return std::make_shared<Convolution>(std::move(attributes), fusion);
}

PrimitivePtr make_convolution_transpose(ConvolutionAttributes attributes, Shape output_padding) {
  return std::make_shared<ConvolutionTranspose>(std::move(attributes), std::move(output_padding));
}

std::optional<ConvolutionFacts> as_convolution(const Primitive& p) {
  const auto* convolution = dynamic_cast<const Convolution*>(&p);
  return convolution == nullptr ? std::nullopt : std::optional(convolution->facts());
}

}  // namespace mho::primitives
