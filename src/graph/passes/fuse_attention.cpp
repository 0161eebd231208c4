// softmax(scale q k^T + bias) v: one attention.
#include "graph/passes/passes.h"
#include "graph/passes/pattern.h"

namespace mho::graph {

namespace {

using kernels::Binary;

class AttentionFinder {
 public:
  explicit AttentionFinder(const Pattern& pattern) : pattern_(pattern) {}

  struct Match {
    kernels::AttentionAttributes attributes;
    std::vector<ValueId> inputs;
  };
  [[nodiscard]] std::optional<Match> match(const Node& root) const {
    const auto facts = plain_matmul(root);
    if (!facts || facts->attributes.transpose_b) return std::nullopt;
    const Node* softmax = pattern_.maker(root.inputs[0]);
    if (softmax == nullptr) return std::nullopt;
    const auto axis = primitives::as_softmax(*softmax->primitive);
    const ValueId scores = softmax->inputs[0];
    if (!axis || *axis + 1 != static_cast<std::int64_t>(pattern_.type(scores).shape.size())) return std::nullopt;
    auto found = products(scores);
    if (const Node* biased = found ? nullptr : pattern_.binary_maker(scores, Binary::add)) {
      for (const std::size_t i : {0, 1}) {
        // The bias must not be what gives the scores their shape.
        if (pattern_.type(biased->inputs[i]).shape != pattern_.type(scores).shape) continue;
        found = products(biased->inputs[i]);
        if (!found) continue;
        found->inputs.push_back(biased->inputs[1 - i]);
        break;
      }
    }
    if (!found) return std::nullopt;
    found->inputs.insert(found->inputs.begin() + 2, root.inputs[1]);
    return fits(found->inputs) ? found : std::nullopt;
  }

 private:
  /// A product of two matrices and nothing else, the first as it is.
  static std::optional<primitives::MatmulFacts> plain_matmul(const Node& node) {
    auto facts = primitives::as_matmul(*node.primitive);
    if (!facts || facts->relu || facts->attributes.transpose_a || node.inputs.size() != 2) return std::nullopt;
    return facts;
  }
  /// scale * q op(k); inputs q and k.
  [[nodiscard]] std::optional<Match> products(ValueId scores) const {
    const auto [product, scale, shift] = pattern_.affine(scores);
    const Node* matmul = pattern_.maker(product);
    if (matmul == nullptr || shift != 0) return std::nullopt;
    const auto facts = plain_matmul(*matmul);
    if (!facts) return std::nullopt;
    return Match{{scale, facts->attributes.transpose_b}, matmul->inputs};
  }
  /// Batch axes of queries, keys and values are equal.
  [[nodiscard]] bool fits(const std::vector<ValueId>& inputs) const {
    const auto batch = [&](std::size_t i) {
      const Shape& shape = pattern_.type(inputs[i]).shape;
      return Shape(shape.begin(), shape.end() - 2);
    };
    return batch(0) == batch(1) && batch(0) == batch(2) && pattern_.type(inputs[2]).elements() > 0;
  }

  const Pattern& pattern_;
};

}  // namespace

void fuse_attention(Graph& graph, std::span<const ValueId> keep) {
  Pattern pattern(graph, keep);
  for (std::size_t n = 0; n < pattern.nodes().size(); ++n) {
    auto found = AttentionFinder(pattern).match(pattern.nodes()[n]);
    if (found) pattern.replace(static_cast<NodeId>(n), primitives::make_attention(found->attributes), found->inputs);
  }
  pattern.finish();
}

}  // namespace mho::graph
