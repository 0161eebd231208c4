// The CPU device: float32 (bfloat16 factors on request), oneDNN for contractions, vectorised loops for the rest, the
// plain loops for rare verbs.
#pragma once

#include <string>

#include "kernels/cpu/blocked.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/threads.h"
#include "kernels/reference/reference_device.h"

namespace mho::kernels {

/// Safe to use from several threads at once with different Workspaces.
class CpuDevice : public ReferenceDevice<float> {
 public:
  explicit CpuDevice(const CpuOptions& options);
  explicit CpuDevice(int threads) : CpuDevice(CpuOptions{.threads = threads}) {}
  [[nodiscard]] std::vector<std::shared_ptr<Device>> make_lanes() const override;

  [[nodiscard]] std::string_view name() const override { return "cpu"; }
  [[nodiscard]] Layout convolution_layout(const ConvolutionAttributes& attributes, const Shape& x,
                                          const Shape& weights) const override;
  /// The name of the oneDNN implementation behind a convolution or its adjoint in x: for tests and tuning.
  [[nodiscard]] std::string convolution_implementation(const ConvolutionAttributes& attributes, const TensorType& x,
                                                       const Shape& weights, const TensorType& y, bool backward) const;
  [[nodiscard]] bool has_blocked_layout() const override { return true; }

  void fill(const Tensor& y, double value) override;
  void copy(Workspace&, const Tensor& x, const Tensor& y) override;
  void copy_region(Workspace&, const Tensor& x, const Region& from, const Tensor& y, const Region& to,
                   const Shape& extents, bool accumulate) override;
  void transpose(Workspace&, const Tensor& x, const Shape& permutation, const Tensor& y) override;
  void broadcast(Workspace&, const Tensor& x, const Tensor& y) override;

  void unary(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y) override;
  void unary_vjp(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y, const Tensor& gy,
                 const Tensor& gx) override;
  void binary(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& y) override;
  void where(Workspace&, const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) override;
  void add_into(Workspace&, const Tensor& x, const Tensor& y) override;

  void reduce(Workspace&, ReduceKind kind, const Tensor& x, const Tensor& y) override;
  void softmax(Workspace&, const Tensor& x, std::int64_t axis, const Tensor& y) override;
  void softmax_vjp(Workspace&, const Tensor& y, const Tensor& gy, std::int64_t axis, const Tensor& gx) override;
  void log_softmax(Workspace&, const Tensor& x, std::int64_t axis, const Tensor& y) override;
  void log_softmax_vjp(Workspace&, const Tensor& y, const Tensor& gy, std::int64_t axis, const Tensor& gx) override;
  void normalization(Workspace&, const NormalizationAttributes& attributes, const Tensor& x, const Tensor& y,
                     const Tensor& inverse_deviation) override;
  void normalization_vjp(Workspace&, const NormalizationAttributes& attributes, const Tensor& y,
                         const Tensor& inverse_deviation, const Tensor& gy, const Tensor& gx) override;

  void matmul(Workspace&, const MatmulAttributes& attributes, const Tensor& a, const Tensor& b, const Tensor& y,
              const Epilogue& epilogue) override;
  void attention(Workspace&, const AttentionAttributes& attributes, const AttentionOperands& in,
                 const Tensor& y) override;
  void attention_vjp(Workspace&, const AttentionAttributes& attributes, const AttentionOperands& in, const Tensor& gy,
                     const AttentionOperands& gradients) override;
  void convolution(Workspace&, const ConvolutionAttributes& attributes, const Tensor& x, const Tensor& w,
                   const Tensor& y, const Epilogue& epilogue) override;
  void convolution_vjp_data(Workspace&, const ConvolutionAttributes& attributes, const Tensor& gy, const Tensor& w,
                            const Tensor& gx) override;

  void pool_max(Workspace&, const Window& window, const Tensor& x, const Tensor& y, const Tensor& winner) override;
  void pool_max_vjp(Workspace&, const Window& window, const Tensor& gy, const Tensor& winner,
                    const Tensor& gx) override;
  void pool_average(Workspace&, const Window& window, bool count_include_pad, const Tensor& x,
                    const Tensor& y) override;
  void pool_average_vjp(Workspace&, const Window& window, bool count_include_pad, const Tensor& gy,
                        const Tensor& gx) override;

  void unary_multipliers(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx, const Tensor& y,
                         const Tensor& ry, const Tensor& my, const Tensor& mx) override;
  void reveal_cancel(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx, const Tensor& change,
                     const Tensor& my, const Tensor& even, const Tensor& odd) override;
  void pool_max_multipliers(Workspace&, const Window& window, const Tensor& x, const Tensor& rx, const Tensor& winner,
                            const Tensor& rwinner, const Tensor& my, const Tensor& mx) override;
  void softmax_multipliers(Workspace&, bool log, const Tensor& x, const Tensor& rx, std::int64_t axis, const Tensor& my,
                           const Tensor& mx) override;
  void normalization_multipliers(Workspace&, const NormalizationAttributes& attributes, const Tensor& x,
                                 const Tensor& rx, const Tensor& my, const Tensor& mx) override;

  void interpolate(const Tensor& a, const Tensor& b, double alpha, const Tensor& y) override;
  void accumulate_path(double w0, const Tensor& g0, double w1, const Tensor& g1, const Tensor& y0, const Tensor& y1,
                       const Tensor& acc) override;
  void accumulate(double w, const Tensor& g, const Tensor& acc) override;

 private:
  /// convolution_vjp_data() where strides leave few channels as many phases; false: not done, another way is faster.
  bool strided_adjoint(Workspace&, const ConvolutionAttributes& attributes, const Tensor& gy, const Tensor& w,
                       const Tensor& gx);
  /// convolution(), or convolution_vjp_data() with `adjoint`, by Winograd's algorithm; false: not done, another way is
  /// faster.
  bool winograd(Workspace&, const ConvolutionAttributes& attributes, bool adjoint, const Tensor& x, const Tensor& w,
                const Tensor& y, const Epilogue& epilogue);
  /// convolution() in bfloat16; false: not done, the CPU cannot or it does not pay.
  bool bfloat16_convolution(Workspace&, const ConvolutionAttributes& attributes, const Tensor& x, const Tensor& w,
                            const Tensor& y, const Epilogue& epilogue);
  /// convolution_vjp_data(), likewise.
  bool bfloat16_convolution_vjp_data(Workspace&, const ConvolutionAttributes& attributes, const Tensor& gy,
                                     const Tensor& w, const Tensor& gx);
  /// Parallel memcpy.
  void copy_bytes(const std::byte* from, std::byte* to, std::size_t bytes) const;

  CpuOptions options_;
  int threads_;
  bool bfloat16_;
  dnnl::engine engine_;
  std::shared_ptr<cpu::PackedWeights> packed_ = std::make_shared<cpu::PackedWeights>();  ///< shared with its lanes
};

}  // namespace mho::kernels
