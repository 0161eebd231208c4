// Every kernel verb as plain loops: the oracle in double, and what faster devices fall back to in float.
#pragma once

#include "kernels/device.h"
#include "kernels/ordering.h"

namespace mho::kernels {

/// Explicitly instantiated for float and double. Sums run in double. Elementwise verbs take blocked tensors too (they
/// work on stored elements and keep channel padding zero), so that a device with blocked layouts can inherit them;
/// region copies, pooling, reductions and contractions take plain layouts only.
template <class Real>
class ReferenceDevice : public Device {
 public:
  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] DType real() const override;
  [[nodiscard]] Layout convolution_layout(const ConvolutionAttributes& attributes, const Shape& x,
                                          const Shape& weights) const override;
  [[nodiscard]] bool has_blocked_layout() const override;
  void fill(const Tensor& y, double value) override;
  void copy(Workspace&, const Tensor& x, const Tensor& y) override;
  void copy_region(Workspace&, const Tensor& x, const Region& from, const Tensor& y, const Region& to,
                   const Shape& extents, bool accumulate) override;
  void transpose(Workspace&, const Tensor& x, const Shape& permutation, const Tensor& y) override;
  void broadcast(Workspace&, const Tensor& x, const Tensor& y) override;
  void gather(Workspace&, const Tensor& x, const Tensor& indices, std::int64_t axis, const Tensor& y) override;
  void gather_vjp(Workspace&, const Tensor& gy, const Tensor& indices, std::int64_t axis, const Tensor& gx) override;
  void top_k(Workspace& workspace, const Tensor& x, std::int64_t axis, bool largest, const Tensor& positions) override {
    find_top_k(workspace, x, axis, largest, positions);
  }
  void last_writer(Workspace&, const Tensor& indices, const Tensor& writer) override {
    find_last_writer(indices, writer);
  }
  void unary(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y) override;
  void unary_vjp(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y, const Tensor& gy,
                 const Tensor& gx) override;
  void binary(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& y) override;
  void where(Workspace&, const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) override;
  void add_into(Workspace&, const Tensor& x, const Tensor& y) override;
  void reduce(Workspace&, ReduceKind kind, const Tensor& x, const Tensor& y) override;
  void reduce_extremum(Workspace&, Extremum kind, const Tensor& x, const Tensor& y, const Tensor& winner) override;
  void reduce_extremum_vjp(Workspace&, const Tensor& gy, const Tensor& winner, const Tensor& gx) override;
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
  void convolution_vjp_weights(Workspace&, const ConvolutionAttributes& attributes, const Tensor& x, const Tensor& gy,
                               const Tensor& gw) override;
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
  void binary_multipliers(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& ra, const Tensor& rb,
                          const Tensor& my, const Tensor& ma, const Tensor& mb) override;
  void pool_max_multipliers(Workspace&, const Window& window, const Tensor& x, const Tensor& rx, const Tensor& winner,
                            const Tensor& rwinner, const Tensor& my, const Tensor& mx) override;
  void reduce_extremum_multipliers(Workspace&, Extremum kind, const Tensor& x, const Tensor& rx, const Tensor& winner,
                                   const Tensor& rwinner, const Tensor& my, const Tensor& mx) override;
  void reduce_prod_multipliers(Workspace&, const Tensor& x, const Tensor& rx, const Tensor& my,
                               const Tensor& mx) override;
  void softmax_multipliers(Workspace&, bool log, const Tensor& x, const Tensor& rx, std::int64_t axis, const Tensor& my,
                           const Tensor& mx) override;
  void normalization_multipliers(Workspace&, const NormalizationAttributes& attributes, const Tensor& x,
                                 const Tensor& rx, const Tensor& my, const Tensor& mx) override;
  void interpolate(const Tensor& a, const Tensor& b, double alpha, const Tensor& y) override;
  void accumulate_path(double w0, const Tensor& g0, double w1, const Tensor& g1, const Tensor& y0, const Tensor& y1,
                       const Tensor& acc) override;
  void accumulate(double w, const Tensor& g, const Tensor& acc) override;
};

extern template class ReferenceDevice<float>;
extern template class ReferenceDevice<double>;

}  // namespace mho::kernels
