// Attention in blocks of rows whose scores stay in the cache; threads take heads and examples.
#include "kernels/reference/attention.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/softmax_rows.h"

namespace mho::kernels {

namespace {

/// Scores per block: 256 KiB, twice over in the backward pass.
constexpr std::int64_t kBlockScores = 1 << 16;
constexpr std::int64_t kFewestRows = 16;

/// A row-major matrix in memory, to be read transposed or as it is.
struct Matrix {
  const float* data;
  std::int64_t columns;  ///< in memory
  bool transposed = false;
};

/// to [m, n] = alpha * op(a) op(b), plus `to` where it is `added`.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, double alpha, const Matrix& a, const Matrix& b, float* to,
              bool added = false) {
  dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, static_cast<float>(alpha), a.data, a.columns,
             b.data, b.columns, added ? 1.0F : 0.0F, to, n);
}

class Attention {
 public:
  Attention(Workspace& workspace, const AttentionAttributes& attributes, const AttentionOperands& in)
      : attributes_(attributes), in_(in), e_(workspace, attributes, in) {
    block_ = std::clamp<std::int64_t>(kBlockScores / std::max<std::int64_t>(e_.keys, 1), kFewestRows,
                                      std::max(e_.rows, kFewestRows));
  }
  [[nodiscard]] const AttentionExtents& extents() const { return e_; }
  [[nodiscard]] std::int64_t block_elements() const { return block_ * e_.keys; }

  /// Product b of the stack.
  void forward(std::int64_t b, float* y, float* scores) const {
    for (std::int64_t row = 0; row < e_.rows; row += block_) {
      const std::int64_t rows = std::min(block_, e_.rows - row);
      weights(b, row, rows, scores);
      multiply(rows, e_.value_size, e_.keys, 1, {scores, e_.keys}, values(b), output(y, b, row));
    }
  }
  void backward(std::int64_t b, const Tensor& gy, const AttentionOperands& gradients, float* p, float* gs) const {
    const std::int64_t m = e_.size, keys = e_.keys;
    for (std::int64_t row = 0; row < e_.rows; row += block_) {
      const std::int64_t rows = std::min(block_, e_.rows - row);
      const bool added = row > 0;
      const float* const g = output(gy.as<float>().data(), b, row);
      weights(b, row, rows, p);
      if (float* gv = at(gradients.v, b * keys * e_.value_size)) {
        multiply(keys, e_.value_size, rows, 1, {p, keys, true}, {g, e_.value_size}, gv, added);
      }
      if (gradients.q.empty() && gradients.k.empty() && gradients.bias.empty()) continue;
      const Matrix v = values(b);
      multiply(rows, keys, e_.value_size, 1, {g, e_.value_size}, {v.data, v.columns, true}, gs);
      for (std::int64_t r = 0; r < rows; ++r) cpu::softmax_row_vjp(p + r * keys, gs + r * keys, gs + r * keys, keys);
      if (float* of_scores = at(gradients.bias, (b * e_.rows + row) * keys)) {
        std::copy_n(gs, rows * keys, of_scores);
      }
      const Matrix k{in_.k.as<float>().data() + b * keys * m, attributes_.transpose_k ? m : keys,
                     !attributes_.transpose_k};
      const std::int64_t q_at = (b * e_.rows + row) * m;
      const Matrix q{in_.q.as<float>().data() + q_at, m};
      if (float* gq = at(gradients.q, q_at)) multiply(rows, m, keys, attributes_.scale, {gs, keys}, k, gq);
      float* const gk = at(gradients.k, b * keys * m);
      if (gk == nullptr) continue;
      attributes_.transpose_k ? multiply(keys, m, rows, attributes_.scale, {gs, keys, true}, q, gk, added)
                              : multiply(m, keys, rows, attributes_.scale, {q.data, m, true}, {gs, keys}, gk, added);
    }
  }

 private:
  static float* at(const Tensor& t, std::int64_t element) {
    return t.empty() ? nullptr : t.as<float>().data() + element;
  }
  template <class Float>
  [[nodiscard]] Float* output(Float* y, std::int64_t b, std::int64_t row) const {
    return y + (b * e_.rows + row) * e_.value_size;
  }
  [[nodiscard]] Matrix values(std::int64_t b) const {
    return {in_.v.as<float>().data() + b * e_.keys * e_.value_size, e_.value_size};
  }
  /// softmax(scale q k^T + bias) of rows [row, row + rows) of product b.
  void weights(std::int64_t b, std::int64_t row, std::int64_t rows, float* p) const {
    const std::int64_t keys = e_.keys;
    const Matrix k{in_.k.as<float>().data() + b * keys * e_.size, attributes_.transpose_k ? e_.size : keys,
                   attributes_.transpose_k};
    multiply(rows, keys, e_.size, attributes_.scale,
             {in_.q.as<float>().data() + (b * e_.rows + row) * e_.size, e_.size}, k, p);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* const line = p + r * keys;
      if (!in_.bias.empty()) {
        const float* const bias = in_.bias.as<float>().data() + e_.bias_at(b, row + r, 0);
        for (std::int64_t key = 0; key < keys; ++key) line[key] += bias[key * e_.bias_key_stride];
      }
      cpu::softmax_row(line, line, keys);
    }
  }

  const AttentionAttributes& attributes_;
  const AttentionOperands& in_;
  AttentionExtents e_;
  std::int64_t block_ = 0;
};

/// Calls body(b, scratch) for every product of the stack, where scratch holds `blocks` blocks of scores. With fewer
/// products than threads the threads work inside each product.
template <class Body>
void for_each_product(int threads, Workspace& workspace, const Attention& attention, std::int64_t blocks,
                      const Body& body) {
  const AttentionExtents& e = attention.extents();
  const std::int64_t floats = blocks * attention.block_elements();
  const bool inside = e.batch < threads;
  float* const scratch =
      workspace.temporary({DType::f32, {(inside ? 1 : threads) * floats}, Layout::plain}).as<float>().data();
  if (inside) {
    const cpu::ScopedThreads scoped(cpu::threads_for(threads, e.rows * e.keys, e.size));
    for (std::int64_t b = 0; b < e.batch; ++b) body(b, scratch);
    return;
  }
  const cpu::ScopedThreads scoped(1);
  cpu::parallel_for(threads, e.batch, e.rows * e.keys * e.size, 1, [&](std::int64_t begin, std::int64_t end) {
    float* const own = scratch + cpu::thread_index(threads) * floats;
    for (std::int64_t b = begin; b < end; ++b) body(b, own);
  });
}

}  // namespace

void CpuDevice::attention(Workspace& workspace, const AttentionAttributes& attributes, const AttentionOperands& in,
                          const Tensor& y) {
  if (y.type.elements() == 0) return;
  const Attention attention(workspace, attributes, in);
  for_each_product(threads_, workspace, attention, 1,
                   [&](std::int64_t b, float* scratch) { attention.forward(b, y.as<float>().data(), scratch); });
}

void CpuDevice::attention_vjp(Workspace& workspace, const AttentionAttributes& attributes, const AttentionOperands& in,
                              const Tensor& gy, const AttentionOperands& gradients) {
  const Attention attention(workspace, attributes, in);
  const AttentionExtents& e = attention.extents();
  if (e.rows == 0 || e.size == 0 || e.value_size == 0) {
    return ReferenceDevice<float>::attention_vjp(workspace, attributes, in, gy, gradients);
  }
  for_each_product(threads_, workspace, attention, 2, [&](std::int64_t b, float* scratch) {
    attention.backward(b, gy, gradients, scratch, scratch + attention.block_elements());
  });
}

}  // namespace mho::kernels
