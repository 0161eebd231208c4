// Attention one row of scores at a time, and its vector-Jacobian product from the same scores computed again.
#include "kernels/reference/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/reference_device.h"

namespace mho::kernels {

namespace {

template <class Real>
class Products {
 public:
  Products(Workspace& workspace, const AttentionAttributes& attributes, const AttentionOperands& in)
      : attributes_(attributes), in_(in), e_(workspace, attributes, in) {}
  [[nodiscard]] const AttentionExtents& extents() const { return e_; }

  /// Where k (or its gradient) has element `i` of key `key` of product b.
  [[nodiscard]] std::size_t key_at(std::int64_t b, std::int64_t key, std::int64_t i) const {
    return static_cast<std::size_t>(b * e_.keys * e_.size +
                                    (attributes_.transpose_k ? key * e_.size + i : i * e_.keys + key));
  }
  static double at(const Tensor& t, std::size_t i) { return static_cast<double>(t.as<Real>()[i]); }
  [[nodiscard]] std::size_t query_at(std::int64_t b, std::int64_t row, std::int64_t i) const {
    return static_cast<std::size_t>((b * e_.rows + row) * e_.size + i);
  }
  [[nodiscard]] std::size_t value_at(std::int64_t b, std::int64_t key, std::int64_t i) const {
    return static_cast<std::size_t>((b * e_.keys + key) * e_.value_size + i);
  }
  [[nodiscard]] std::size_t output_at(std::int64_t b, std::int64_t row, std::int64_t i) const {
    return static_cast<std::size_t>((b * e_.rows + row) * e_.value_size + i);
  }

  /// softmax(scale * q k^T + bias) of one row.
  void weights(std::int64_t b, std::int64_t row, std::span<double> s) const {
    for (std::int64_t key = 0; key < e_.keys; ++key) {
      double sum = 0;
      for (std::int64_t i = 0; i < e_.size; ++i) sum += at(in_.q, query_at(b, row, i)) * at(in_.k, key_at(b, key, i));
      sum *= attributes_.scale;
      if (!in_.bias.empty()) sum += at(in_.bias, static_cast<std::size_t>(e_.bias_at(b, row, key)));
      s[static_cast<std::size_t>(key)] = sum;
    }
    double largest = -std::numeric_limits<double>::infinity();
    for (const double score : s) largest = std::max(largest, score);
    double sum = 0;
    for (double& score : s) {
      score = std::exp(score - largest);
      sum += score;
    }
    for (double& score : s) score /= sum;
  }

 private:
  const AttentionAttributes& attributes_;
  const AttentionOperands& in_;
  AttentionExtents e_;
};

template <class Real>
void add_to(const Tensor& t, std::size_t i, double value) {
  if (!t.empty()) t.as<Real>()[i] = static_cast<Real>(static_cast<double>(t.as<Real>()[i]) + value);
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::attention(Workspace& workspace, const AttentionAttributes& attributes,
                                      const AttentionOperands& in, const Tensor& y) {
  const Products<Real> products(workspace, attributes, in);
  const AttentionExtents& e = products.extents();
  const auto p = workspace.numbers<double>(static_cast<std::size_t>(e.keys), 0);
  for (std::int64_t b = 0; b < e.batch; ++b) {
    for (std::int64_t row = 0; row < e.rows; ++row) {
      products.weights(b, row, p);
      for (std::int64_t i = 0; i < e.value_size; ++i) {
        double mean = 0;
        for (std::int64_t key = 0; key < e.keys; ++key) {
          mean += p[static_cast<std::size_t>(key)] * products.at(in.v, products.value_at(b, key, i));
        }
        y.as<Real>()[products.output_at(b, row, i)] = static_cast<Real>(mean);
      }
    }
  }
}

// p the weights, gp = gy v^T, gs = p (gp - sum(p gp)); then gq = scale gs k, gk = scale gs^T q, gv = p^T gy.
template <class Real>
void ReferenceDevice<Real>::attention_vjp(Workspace& workspace, const AttentionAttributes& attributes,
                                          const AttentionOperands& in, const Tensor& gy,
                                          const AttentionOperands& gradients) {
  for (const Tensor& g : {gradients.q, gradients.k, gradients.v}) {
    if (!g.empty()) fill(g, 0);
  }
  const bool of_weights = !gradients.q.empty() || !gradients.k.empty() || !gradients.bias.empty();
  const Products<Real> products(workspace, attributes, in);
  const AttentionExtents& e = products.extents();
  const auto p = workspace.numbers<double>(static_cast<std::size_t>(e.keys), 0);
  const auto gp = workspace.numbers<double>(static_cast<std::size_t>(e.keys), 0);
  for (std::int64_t b = 0; b < e.batch; ++b) {
    for (std::int64_t row = 0; row < e.rows; ++row) {
      products.weights(b, row, p);
      double mean = 0;
      for (std::int64_t key = 0; key < e.keys; ++key) {
        const auto k = static_cast<std::size_t>(key);
        gp[k] = 0;
        for (std::int64_t i = 0; i < e.value_size; ++i) {
          const double g = products.at(gy, products.output_at(b, row, i));
          if (of_weights) gp[k] += g * products.at(in.v, products.value_at(b, key, i));
          add_to<Real>(gradients.v, products.value_at(b, key, i), p[k] * g);
        }
        mean += p[k] * gp[k];
      }
      if (!of_weights) continue;
      for (std::int64_t key = 0; key < e.keys; ++key) {
        const auto k = static_cast<std::size_t>(key);
        const double gs = p[k] * (gp[k] - mean);
        if (!gradients.bias.empty()) {
          gradients.bias.as<Real>()[static_cast<std::size_t>((b * e.rows + row) * e.keys + key)] =
              static_cast<Real>(gs);
        }
        for (std::int64_t i = 0; i < e.size; ++i) {
          const double scaled = attributes.scale * gs;
          add_to<Real>(gradients.q, products.query_at(b, row, i),
                       scaled * products.at(in.k, products.key_at(b, key, i)));
          add_to<Real>(gradients.k, products.key_at(b, key, i),
                       scaled * products.at(in.q, products.query_at(b, row, i)));
        }
      }
    }
  }
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
