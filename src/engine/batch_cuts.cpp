// Which values a batch cuts for certain.
#include "engine/batch_cuts.h"

#include <algorithm>

#include "graph/analysis.h"
#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::Graph;
using graph::index;
using graph::Node;
using graph::ValueId;
using primitives::LayoutRule;

/// One node, whose inputs that depend on the graph's are all cut.
class NodeCuts {
 public:
  NodeCuts(const Graph& one, const Graph& several, const std::vector<bool>& depends, const Node& node)
      : one_(one), several_(several), depends_(depends), node_(node) {}

  /// Whether it works on leading rows one by one, as far as is known of its primitive.
  [[nodiscard]] bool row_by_row() const {
    const primitives::Primitive& primitive = *node_.primitive;
    if (primitive.is_view()) return true;  // neither order nor chunks change
    if (primitives::as_convolution(primitive)) return moves(0) && only_first_moves();
    if (const auto facts = primitives::as_matmul(primitive)) return product(facts->attributes.transpose_a);
    if (const auto axis = primitives::as_softmax(primitive)) return *axis > 0;
    if (const auto axes = reduced_axes()) return std::ranges::find(*axes, 0) == axes->end();
    switch (primitive.layout_rule()) {
      case LayoutRule::elementwise:
        return elementwise();
      case LayoutRule::spatial:
        return moves(0) && only_first_moves();
      default:
        return false;
    }
  }

 private:
  [[nodiscard]] const Shape& shape(ValueId id) const { return one_.value(id).type.shape; }
  [[nodiscard]] const Shape& whole(ValueId id) const { return several_.value(id).type.shape; }
  [[nodiscard]] bool moves(std::size_t input) const { return depends_[index(node_.inputs[input])]; }
  [[nodiscard]] bool only_first_moves() const {
    return std::none_of(node_.inputs.begin() + 1, node_.inputs.end(), [&](ValueId id) { return depends_[index(id)]; });
  }

  [[nodiscard]] std::optional<Shape> reduced_axes() const {
    using kernels::ReduceKind;
    for (const auto kind : {ReduceKind::sum, ReduceKind::mean, ReduceKind::prod, ReduceKind::max, ReduceKind::min}) {
      if (auto axes = primitives::as_reduce(*node_.primitive, kind)) return axes;
    }
    return std::nullopt;
  }

  /// Rows of an operand go with the same rows of the result, or one row goes with all of them.
  [[nodiscard]] bool elementwise() const {
    const ValueId y = node_.outputs[0];
    return std::ranges::all_of(node_.inputs, [&](ValueId id) {
      const bool same_rank = shape(id).size() == shape(y).size() && !shape(y).empty();
      if (depends_[index(id)]) return same_rank && shape(id)[0] == shape(y)[0] && whole(id)[0] == whole(y)[0];
      return whole(id).size() < whole(y).size() || (same_rank && whole(id)[0] == 1);
    });
  }

  /// The leading axis is one of rows, or of a stack of products.
  [[nodiscard]] bool product(bool transpose_a) const {
    if (node_.inputs.size() > 3 || !moves(0)) return false;
    if (node_.inputs.size() == 3 && (moves(2) || whole(node_.inputs[2]).size() > 1)) return false;
    const Shape &a = whole(node_.inputs[0]), &b = whole(node_.inputs[1]), &y = whole(node_.outputs[0]);
    if (a.size() != y.size() || a[0] != y[0]) return false;
    if (a.size() == 2) return !transpose_a && !moves(1);
    if (moves(1)) return b.size() == y.size() && b[0] == y[0];
    return b.size() < y.size() || b[0] == 1;
  }

  const Graph& one_;
  const Graph& several_;
  const std::vector<bool>& depends_;
  const Node& node_;
};

}  // namespace

bool scales_with_batch(const Shape& one, const Shape& whole, std::int64_t batch) {
  if (one.empty() || one.size() != whole.size() || whole[0] != one[0] * batch) return false;
  return std::equal(one.begin() + 1, one.end(), whole.begin() + 1);
}

std::vector<bool> surely_cut(const Graph& one, const Graph& several, std::int64_t batch) {
  const std::vector<bool> depends = graph::dependents(one, one.inputs());
  std::vector<bool> cut(one.value_count(), false);
  const auto scales = [&](ValueId id) {
    return scales_with_batch(one.value(id).type.shape, several.value(id).type.shape, batch);
  };
  for (const ValueId id : one.inputs()) cut[index(id)] = scales(id);
  for (const Node& node : one.nodes()) {
    const bool known =
        std::ranges::all_of(node.inputs, [&](ValueId id) { return cut[index(id)] || !depends[index(id)]; });
    if (!known || !NodeCuts(one, several, depends, node).row_by_row()) continue;
    for (const ValueId id : node.outputs) cut[index(id)] = depends[index(id)] && scales(id);
  }
  return cut;
}

}  // namespace mho::engine
