// (x - mean) / sqrt(mean((x - mean)^2) + epsilon) over trailing axes, and the same without the mean: one normalization.
#include "graph/passes/passes.h"
#include "graph/passes/pattern.h"

namespace mho::graph {

namespace {

using kernels::Binary;
using kernels::ReduceKind;
using kernels::Unary;

class NormalizationFinder {
 public:
  explicit NormalizationFinder(const Pattern& pattern) : pattern_(pattern) {}

  struct Match {
    kernels::NormalizationAttributes attributes;
    ValueId x;
  };
  [[nodiscard]] std::optional<Match> match(const Node& root) const {
    const auto f = primitives::as_binary(*root.primitive);
    if (f == Binary::div) return with(root.inputs[0], under_root(root.inputs[1], 0.5));
    if (f != Binary::mul) return std::nullopt;
    for (const std::size_t i : {0, 1}) {
      if (auto found = with(root.inputs[1 - i], inverse_root(root.inputs[i]))) return found;
    }
    return std::nullopt;
  }

 private:
  /// id = value^exponent.
  [[nodiscard]] std::optional<ValueId> under_root(ValueId id, double exponent) const {
    if (exponent == 0.5) {
      if (const auto x = pattern_.input_of(id, {Unary::sqrt})) return x;
    }
    return pattern_.input_of(id, {Unary::pow, exponent});
  }
  /// id = 1 / sqrt(value).
  [[nodiscard]] std::optional<ValueId> inverse_root(ValueId id) const {
    if (const auto root = pattern_.input_of(id, {Unary::reciprocal})) return under_root(*root, 0.5);
    const Node* quotient = pattern_.binary_maker(id, Binary::div);
    if (quotient != nullptr && pattern_.scalar(quotient->inputs[0]) == 1.0) return under_root(quotient->inputs[1], 0.5);
    return under_root(id, -0.5);
  }
  [[nodiscard]] std::optional<ValueId> under_square(ValueId id) const {
    if (const auto x = pattern_.input_of(id, {Unary::pow, 2})) return x;
    const Node* product = pattern_.binary_maker(id, Binary::mul);
    if (product == nullptr || product->inputs[0] != product->inputs[1]) return std::nullopt;
    return product->inputs[0];
  }
  /// x, where `centred` is x less its mean.
  [[nodiscard]] std::optional<ValueId> with_mean(ValueId centred, const Shape& axes) const {
    const Node* difference = pattern_.binary_maker(centred, Binary::sub);
    if (difference == nullptr) return std::nullopt;
    const ValueId x = difference->inputs[0];
    if (pattern_.reduced(difference->inputs[1], ReduceKind::mean, axes) != x) return std::nullopt;
    return x;
  }
  /// The numerator over the root of `denominator`.
  [[nodiscard]] std::optional<Match> with(ValueId numerator, std::optional<ValueId> denominator) const {
    if (!denominator) return std::nullopt;
    const auto [variance, scale, epsilon] = pattern_.affine(*denominator);
    if (scale != 1 || epsilon < 0) return std::nullopt;
    const Node* mean = pattern_.maker(variance);
    const auto axes = mean == nullptr ? std::nullopt : primitives::as_reduce(*mean->primitive, ReduceKind::mean);
    if (!axes || !is_trailing(*axes, pattern_.type(numerator).shape.size())) return std::nullopt;
    const auto squared = under_square(mean->inputs[0]);
    if (!squared) return std::nullopt;
    const auto x = with_mean(numerator, *axes);
    // Some exporters subtract the mean twice.
    if (*squared != numerator && (!x || with_mean(*squared, *axes) != x)) return std::nullopt;
    return Match{{axes->front(), epsilon, x.has_value()}, x.value_or(numerator)};
  }
  static bool is_trailing(const Shape& axes, std::size_t rank) {
    if (axes.empty()) return false;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (axes[i] != static_cast<std::int64_t>(rank - axes.size() + i)) return false;
    }
    return true;
  }

  const Pattern& pattern_;
};

}  // namespace

void fuse_normalization(Graph& graph, std::span<const ValueId> keep) {
  Pattern pattern(graph, keep);
  for (std::size_t n = 0; n < pattern.nodes().size(); ++n) {
    if (const auto found = NormalizationFinder(pattern).match(pattern.nodes()[n])) {
      pattern.replace(static_cast<NodeId>(n), primitives::make_normalization(found->attributes), {found->x});
    }
  }
  pattern.finish();
}

}  // namespace mho::graph
