// The kernel verbs: all arithmetic on tensors that the floors above may ask for.
//
// Common rules. Outputs are caller-allocated and always overwritten, never accumulated into, unless the verb says so.
// Real tensors have the device's real type (`Device::real()`): double on the reference device, float on the CPU.
// Unless a verb says otherwise, all its tensors are in plain layout and outputs do not overlap inputs.
// Sums are accumulated in double wherever the device can. Shapes are checked by the primitives when a graph is built;
// verbs only assert them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/memory_meter.h"
#include "kernels/tensor.h"
#include "kernels/workspace.h"

namespace mho::kernels {

/// Window geometry shared by convolution and pooling; one entry per spatial axis (1 to 3 of them).
struct Window {
  Shape kernel;
  Shape strides;
  Shape dilations;  ///< 1 = dense
  Shape pads_begin;
  Shape pads_end;  ///< includes the overhang
  Shape overhang;  ///< cells at the end of pads_end that ceil_mode added: they never count in an average; empty: 0

  bool operator==(const Window&) const = default;
};

struct ConvolutionAttributes {
  Window window;
  std::int64_t groups = 1;
  bool keep_ties = false;  ///< equal windows give equal outputs, bit by bit: a maximum compares what comes of them
};

/// Work fused behind a convolution or matmul: y = relu?(y + bias + residual).
struct Epilogue {
  const Tensor* bias = nullptr;      ///< [output channels] for convolution, [columns] for matmul
  const Tensor* residual = nullptr;  ///< shape and layout of y
  bool relu = false;
};

struct MatmulAttributes {
  bool transpose_a = false;  ///< of the last two axes
  bool transpose_b = false;
};

struct NormalizationAttributes {
  std::int64_t axis = 0;  ///< the first normalized axis; all behind it are, too
  double epsilon = 0;     ///< added to the variance
  bool centred = true;    ///< false: the mean counts as 0 (RMS normalization)
};

/// softmax(scale * q op(k) + bias) v, matrices over the last two axes.
struct AttentionAttributes {
  double scale = 1;
  bool transpose_k = true;  ///< keys are the rows of k; else its columns
};

/// Batch axes of all are equal; bias broadcasts to the scores, or is empty.
struct AttentionOperands {
  Tensor q;     ///< [..., rows, size]
  Tensor k;     ///< [..., keys, size], or [..., size, keys]
  Tensor v;     ///< [..., keys, value size]
  Tensor bias;  ///< such as a mask
};

enum class ReduceKind : std::uint8_t { sum, mean, prod, max, min };
enum class Extremum : std::uint8_t { max, min };

/// A regular sub-box: element k of axis i lies at `start[i] + k * step[i]`. Steps may be negative.
struct Region {
  Shape start;
  Shape step;
};

class Device {
 public:
  virtual ~Device() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Counts the memory of what runs on this device and its lanes; null: nothing does. Set before the device is used.
  [[nodiscard]] const std::shared_ptr<MemoryMeter>& meter() const { return meter_; }
  void set_meter(std::shared_ptr<MemoryMeter> meter) { meter_ = std::move(meter); }
  /// The real type of this device's tensors.
  [[nodiscard]] virtual DType real() const = 0;
  /// The layout this device wants for the activations of a convolution; plain where it has no opinion.
  [[nodiscard]] virtual Layout convolution_layout(const ConvolutionAttributes& attributes, const Shape& x,
                                                  const Shape& weights) const = 0;
  /// Devices like this one for as many threads as it uses, one thread each, for run_lanes(); empty where it uses one.
  [[nodiscard]] virtual std::vector<std::shared_ptr<Device>> make_lanes() const { return {}; }
  /// True where pooling, elementwise verbs and region copies accept blocked tensors.
  [[nodiscard]] virtual bool has_blocked_layout() const = 0;

  // --- Memory -------------------------------------------------------------------------------------------------------
  /// y = value, padding of blocked layouts stays 0. Any dtype.
  virtual void fill(const Tensor& y, double value) = 0;
  /// y = x, converting between layouts and dtypes. Real to integer truncates; anything to b8 is x != 0.
  virtual void copy(Workspace&, const Tensor& x, const Tensor& y) = 0;
  /// y[to.start + k*to.step] = x[from.start + k*from.step] for all k in [0, extents). Other elements of y are kept.
  /// Same dtype. With `accumulate`, adds instead (real only). Blocked where every start, step and extent on axis 1 is
  /// a multiple of 16 or equal to the full extent, with step 1.
  virtual void copy_region(Workspace&, const Tensor& x, const Region& from, const Tensor& y, const Region& to,
                           const Shape& extents, bool accumulate) = 0;
  /// y = x with axes permuted: axis i of y is axis permutation[i] of x. Any dtype.
  virtual void transpose(Workspace&, const Tensor& x, const Shape& permutation, const Tensor& y) = 0;
  /// y = x repeated along axes of extent 1 (numpy broadcasting). Any dtype.
  virtual void broadcast(Workspace&, const Tensor& x, const Tensor& y) = 0;
  /// y = x taken at `indices` (i64 or i32, negative counts from the end) along `axis`; y has shape
  /// x[:axis] + indices + x[axis+1:]. Throws Error(kInvalidArgument) when an index is out of range. Any dtype of x.
  virtual void gather(Workspace&, const Tensor& x, const Tensor& indices, std::int64_t axis, const Tensor& y) = 0;
  /// Adjoint of gather: gx = 0, then gx at indices += gy.
  virtual void gather_vjp(Workspace&, const Tensor& gy, const Tensor& indices, std::int64_t axis, const Tensor& gx) = 0;
  /// The positions along `axis` of the largest (or smallest) elements of x, best first, of equal ones the first; as
  /// many as `positions` (i64) has there. Real or i64.
  virtual void top_k(Workspace&, const Tensor& x, std::int64_t axis, bool largest, const Tensor& positions) = 0;
  /// writer[r] = the last k with indices[k] == r, or -1; both i64 lists. Throws Error(kInvalidArgument) where an index
  /// is out of range.
  virtual void last_writer(Workspace&, const Tensor& indices, const Tensor& writer) = 0;

  // --- Elementwise: all tensors in one common layout where their shapes are equal -----------------------------------
  /// y = f(x). In place allowed.
  virtual void unary(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y) = 0;
  /// gx = gy * f'(x). Reads only what `derivative_reads(f)` names; the other of x, y may be empty. gx may be gy.
  virtual void unary_vjp(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y, const Tensor& gy,
                         const Tensor& gx) = 0;
  /// y = a op b with numpy broadcasting; real, i64 or (logical) b8 operands; comparisons give b8.
  /// y may be a or b where the shapes are equal. Blocked: all of one shape, or one of a, b of shape [1,C,1,1] or with
  /// one element, in plain layout.
  virtual void binary(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& y) = 0;
  /// y = condition ? a : b with numpy broadcasting; condition is b8.
  virtual void where(Workspace&, const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) = 0;
  /// y += x; equal types. Any layout.
  virtual void add_into(Workspace&, const Tensor& x, const Tensor& y) = 0;

  // --- Reductions ---------------------------------------------------------------------------------------------------
  /// y has x's rank, with extent 1 on the reduced axes. Real or i64. An empty sum is 0.
  virtual void reduce(Workspace&, ReduceKind kind, const Tensor& x, const Tensor& y) = 0;
  /// Like reduce; winner (i32, shape of y) becomes the index of the first extremum in x's element order,
  /// counted from the beginning of its row of the leading axis unless that axis is reduced.
  virtual void reduce_extremum(Workspace&, Extremum kind, const Tensor& x, const Tensor& y, const Tensor& winner) = 0;
  /// gx = 0, then gx at the winners += gy.
  virtual void reduce_extremum_vjp(Workspace&, const Tensor& gy, const Tensor& winner, const Tensor& gx) = 0;
  /// y = exp(x - max) / sum over `axis`.
  virtual void softmax(Workspace&, const Tensor& x, std::int64_t axis, const Tensor& y) = 0;
  virtual void softmax_vjp(Workspace&, const Tensor& y, const Tensor& gy, std::int64_t axis, const Tensor& gx) = 0;
  virtual void log_softmax(Workspace&, const Tensor& x, std::int64_t axis, const Tensor& y) = 0;
  virtual void log_softmax_vjp(Workspace&, const Tensor& y, const Tensor& gy, std::int64_t axis, const Tensor& gx) = 0;
  /// y = (x - mean) * d with d = 1 / sqrt(mean((x - mean)^2) + epsilon), which is also left in inverse_deviation
  /// [x.shape[:axis]].
  virtual void normalization(Workspace&, const NormalizationAttributes& attributes, const Tensor& x, const Tensor& y,
                             const Tensor& inverse_deviation) = 0;
  virtual void normalization_vjp(Workspace&, const NormalizationAttributes& attributes, const Tensor& y,
                                 const Tensor& inverse_deviation, const Tensor& gy, const Tensor& gx) = 0;

  // --- Contractions -------------------------------------------------------------------------------------------------
  /// y = op(a) @ op(b) over the last two axes, leading axes broadcast as in numpy; all ranks >= 2, real.
  virtual void matmul(Workspace&, const MatmulAttributes& attributes, const Tensor& a, const Tensor& b, const Tensor& y,
                      const Epilogue& epilogue) = 0;
  virtual void attention(Workspace&, const AttentionAttributes& attributes, const AttentionOperands& in,
                         const Tensor& y) = 0;
  /// Computes the scores again: they are nowhere kept. The gradients have the shapes of the operands, but that of the
  /// bias has the shape of the scores: it is still to be summed. Any of them may be empty.
  virtual void attention_vjp(Workspace&, const AttentionAttributes& attributes, const AttentionOperands& in,
                             const Tensor& gy, const AttentionOperands& gradients) = 0;
  /// x [N, C, spatial...], w [M, C/groups, kernel...] (plain), y [N, M, spatial...] (ONNX Conv). x and y are both in
  /// convolution_layout(); a plain x with a blocked y is allowed too (first layers).
  virtual void convolution(Workspace&, const ConvolutionAttributes& attributes, const Tensor& x, const Tensor& w,
                           const Tensor& y, const Epilogue& epilogue) = 0;
  /// Adjoint in x: gx from gy. Layouts as in convolution().
  virtual void convolution_vjp_data(Workspace&, const ConvolutionAttributes& attributes, const Tensor& gy,
                                    const Tensor& w, const Tensor& gx) = 0;
  /// Adjoint in w (plain layouts).
  virtual void convolution_vjp_weights(Workspace&, const ConvolutionAttributes& attributes, const Tensor& x,
                                       const Tensor& gy, const Tensor& gw) = 0;

  // --- Pooling: x and y in one common layout ------------------------------------------------------------------------
  /// winner (i32, type of y otherwise) becomes the flat spatial index in x of the first maximum in each window.
  virtual void pool_max(Workspace&, const Window& window, const Tensor& x, const Tensor& y, const Tensor& winner) = 0;
  /// gx = 0, then gx at the winners += gy.
  virtual void pool_max_vjp(Workspace&, const Window& window, const Tensor& gy, const Tensor& winner,
                            const Tensor& gx) = 0;
  /// Mean over the window; padding counts in the divisor if `count_include_pad` (ceil_mode overhang never does).
  virtual void pool_average(Workspace&, const Window& window, bool count_include_pad, const Tensor& x,
                            const Tensor& y) = 0;
  virtual void pool_average_vjp(Workspace&, const Window& window, bool count_include_pad, const Tensor& gy,
                                const Tensor& gx) = 0;

  // --- DeepLIFT multipliers (MATHS.md section 3): r* are the tensors of the run at the reference, m* multipliers,
  // always real. Every verb keeps sum of m * delta, and is bounded where differences vanish (docs/deeplift.md) --------
  /// Rescale: mx = my * (y - ry) / (x - rx), or f' at the midpoint where x - rx is rounding. Any one layout; mx may be
  /// my; y and ry may be empty where multipliers_read_y() says no.
  virtual void unary_multipliers(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx, const Tensor& y,
                                 const Tensor& ry, const Tensor& my, const Tensor& mx) = 0;
  /// RevealCancel as what it adds to Rescale: with change = D+ - D- the size of all changes that make up D = x - rx, m+
  /// and m- the multipliers of D+ and D-, and m that of Rescale: even = my * ((m+ + m-)/2 - m), odd = my * (m+ - m-)/2.
  /// Both 0 where f is not finite between rx + D- and rx + D+. Any one layout.
  virtual void reveal_cancel(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx,
                             const Tensor& change, const Tensor& my, const Tensor& even, const Tensor& odd) = 0;
  /// Both operands by the mean over the orders in which they move. ma and mb have my's shape: they are still to be
  /// summed to the operands' shapes. Either may be empty. Numbers of any dtype; booleans count as 0 and 1. Plain.
  virtual void binary_multipliers(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& ra,
                                  const Tensor& rb, const Tensor& my, const Tensor& ma, const Tensor& mb) = 0;
  /// Winners as pool_max() left them. Layouts as there.
  virtual void pool_max_multipliers(Workspace&, const Window& window, const Tensor& x, const Tensor& rx,
                                    const Tensor& winner, const Tensor& rwinner, const Tensor& my,
                                    const Tensor& mx) = 0;
  virtual void reduce_extremum_multipliers(Workspace&, Extremum kind, const Tensor& x, const Tensor& rx,
                                           const Tensor& winner, const Tensor& rwinner, const Tensor& my,
                                           const Tensor& mx) = 0;
  virtual void reduce_prod_multipliers(Workspace&, const Tensor& x, const Tensor& rx, const Tensor& my,
                                       const Tensor& mx) = 0;
  /// Softmax, or LogSoftmax if `log`.
  virtual void softmax_multipliers(Workspace&, bool log, const Tensor& x, const Tensor& rx, std::int64_t axis,
                                   const Tensor& my, const Tensor& mx) = 0;
  virtual void normalization_multipliers(Workspace&, const NormalizationAttributes& attributes, const Tensor& x,
                                         const Tensor& rx, const Tensor& my, const Tensor& mx) = 0;

  // --- Path integrals: `acc` is f64 with as many stored elements as the others, any layout --------------------------
  /// y = a + alpha * (b - a).
  virtual void interpolate(const Tensor& a, const Tensor& b, double alpha, const Tensor& y) = 0;
  /// acc += (w0*g0 + w1*g1) * (y1 - y0), g1 may be empty. The others may be several sets as large as acc: all count.
  virtual void accumulate_path(double w0, const Tensor& g0, double w1, const Tensor& g1, const Tensor& y0,
                               const Tensor& y1, const Tensor& acc) = 0;
  /// acc += w * g.
  virtual void accumulate(double w, const Tensor& g, const Tensor& acc) = 0;

 private:
  std::shared_ptr<MemoryMeter> meter_;
};

/// Double precision, plain loops: the oracle. Single-threaded.
[[nodiscard]] std::unique_ptr<Device> make_reference_device();
struct CpuOptions {
  int threads = 0;        ///< 0: all cores
  bool winograd = true;   ///< 3 x 3 convolutions by Winograd's algorithm where it pays
  bool bfloat16 = false;  ///< convolutions and matrix products round their operands to bfloat16 where the CPU can
                          ///< multiply these and it pays; sums and all tensors stay float32
};
/// float32, oneDNN inside.
[[nodiscard]] std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);
[[nodiscard]] inline std::unique_ptr<Device> make_cpu_device(int threads) {
  return make_cpu_device({.threads = threads});
}
/// Whether this CPU has instructions that multiply bfloat16 matrices (AMX).
[[nodiscard]] bool cpu_has_bfloat16();

/// Calls body(0), …, body(count - 1), each on a thread of its own, and returns when all have. The first exception is
/// thrown again.
void run_lanes(std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace mho::kernels
