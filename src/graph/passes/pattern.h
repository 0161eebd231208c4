// What passes ask that recognise a function written out in several nodes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "primitives/primitives.h"

namespace mho::graph {

/// A view of a graph that never looks through values which must stay: a pattern cannot reach beyond them.
class Pattern {
 public:
  Pattern(Graph& graph, std::span<const ValueId> keep);

  /// The node behind a value that may disappear; nullptr for inputs, constants and kept values.
  [[nodiscard]] const Node* maker(ValueId id) const;
  /// Its only input if the maker is this function.
  [[nodiscard]] std::optional<ValueId> input_of(ValueId id, kernels::UnaryFunction f) const;
  /// The maker, if it is this function of two values.
  [[nodiscard]] const Node* binary_maker(ValueId id, kernels::Binary f) const;
  /// The input of a reduction, if the maker is one over exactly these axes.
  [[nodiscard]] std::optional<ValueId> reduced(ValueId id, kernels::ReduceKind kind, const Shape& axes) const;
  /// The number in a real constant with one element.
  [[nodiscard]] std::optional<double> scalar(ValueId id) const;

  /// `scale` * x + `shift`.
  struct Affine {
    ValueId x;
    double scale;
    double shift;
  };
  /// How a value is made of another one by numbers alone, in as many nodes as there are. At the least 1 * id + 0.
  [[nodiscard]] Affine affine(ValueId id) const;
  /// What this node alone does, if it is of that kind.
  [[nodiscard]] std::optional<Affine> affine_step(const Node& node) const;

  [[nodiscard]] const TensorType& type(ValueId id) const { return graph_.value(id).type; }
  /// Puts a primitive of `inputs`, which come before it, in the place of the node. False, and nothing done, where the
  /// types do not fit.
  bool replace(NodeId node, const PrimitivePtr& primitive, std::vector<ValueId> inputs);
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  /// Makes the replacements.
  void finish();

 private:
  Graph& graph_;
  std::vector<bool> kept_;
  std::vector<Node> nodes_;
};

}  // namespace mho::graph
