// exp(x - max) / sum(exp(x - max)) along one axis, with or without the maximum: one softmax.
#include "graph/passes/passes.h"
#include "graph/passes/pattern.h"

namespace mho::graph {

namespace {

using kernels::Binary;
using kernels::ReduceKind;
using kernels::Unary;

/// y = numerator / denominator, as a quotient or as a product with a reciprocal.
struct Quotient {
  ValueId numerator;
  ValueId denominator;
};

std::optional<Quotient> quotient(const Pattern& pattern, const Node& node) {
  const auto f = primitives::as_binary(*node.primitive);
  if (f == Binary::div) return Quotient{node.inputs[0], node.inputs[1]};
  if (f != Binary::mul) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    if (const auto denominator = pattern.input_of(node.inputs[i], {Unary::reciprocal})) {
      return Quotient{node.inputs[1 - i], *denominator};
    }
  }
  return std::nullopt;
}

/// x, where the exponent is x less its maximum; else the exponent.
ValueId without_maximum(const Pattern& pattern, ValueId exponent, const Shape& axes) {
  const Node* difference = pattern.binary_maker(exponent, Binary::sub);
  if (difference == nullptr) return exponent;
  const ValueId x = difference->inputs[0];
  return pattern.reduced(difference->inputs[1], ReduceKind::max, axes) == x ? x : exponent;
}

}  // namespace

void fuse_softmax(Graph& graph, std::span<const ValueId> keep) {
  Pattern pattern(graph, keep);
  for (std::size_t n = 0; n < pattern.nodes().size(); ++n) {
    const auto parts = quotient(pattern, pattern.nodes()[n]);
    const Node* total = parts ? pattern.maker(parts->denominator) : nullptr;
    const auto axes = total == nullptr ? std::nullopt : primitives::as_reduce(*total->primitive, ReduceKind::sum);
    if (!axes || axes->size() != 1 || total->inputs[0] != parts->numerator) continue;
    const auto exponent = pattern.input_of(parts->numerator, {Unary::exp});
    if (!exponent) continue;
    const ValueId x = without_maximum(pattern, *exponent, *axes);
    pattern.replace(static_cast<NodeId>(n), primitives::make_softmax(axes->front()), {x});
  }
  pattern.finish();
}

}  // namespace mho::graph
