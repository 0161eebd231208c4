// What is read at a few constant positions of an axis (a first token) is computed there only: a gather moves in front
// of the nodes that work position by position.
#include <map>
#include <utility>

#include "graph/passes/passes.h"
#include "graph/passes/uses.h"
#include "primitives/axes.h"
#include "primitives/primitives.h"

namespace mho::graph {

namespace {

class Mover {
 public:
  Mover(Graph& graph, std::span<const ValueId> keep) : graph_(graph), uses_(graph, keep) {}

  /// Whether anything was moved.
  bool run() {
    bool any = false;
    for (const Node& node : graph_.nodes()) {
      const bool this_one = moved(node);
      any = any || this_one;
      if (!this_one) result_.push_back(node);
    }
    if (any) graph_.set_nodes(std::move(result_));
    return any;
  }

 private:
  /// Puts what the gather can be replaced by into the result.
  bool moved(const Node& gather) {
    const auto axis = primitives::as_gather(*gather.primitive);
    if (!axis || !graph_.is_constant(gather.inputs[1])) return false;
    const ValueId x = gather.inputs[0];
    Constant positions = *graph_.value(gather.inputs[1]).constant;
    count_ = positions.type.elements();
    if (count_ == 0 || count_ >= shape(x)[static_cast<std::size_t>(*axis)]) return false;
    origin_ = &gather;
    positions.type.shape = {count_};
    positions_ = kNoValue;
    gathered_.clear();
    flat_positions_ = std::move(positions);
    const ValueId few = through(x, static_cast<std::size_t>(*axis));
    if (few == kNoValue) return false;
    result_.push_back({primitives::make_reshape(shape(gather.outputs[0])),
                       {few},
                       gather.outputs,
                       gather.origin_name,
                       gather.origin_type});
    return true;
  }

  [[nodiscard]] const Shape& shape(ValueId id) const { return graph_.value(id).type.shape; }

  ValueId add(const Node& like, const PrimitivePtr& primitive, std::vector<ValueId> inputs) {
    std::vector<TensorType> types;
    for (const ValueId id : inputs) types.push_back(graph_.value(id).type);
    const ValueId out = graph_.add_value(primitive->infer(types)[0]);
    result_.push_back({primitive, std::move(inputs), {out}, like.origin_name, like.origin_type});
    return out;
  }

  /// The value at the positions along an axis: its node's work there where it can be done there, else a gather.
  ValueId at_positions(ValueId id, std::size_t axis) {
    const ValueId few = through(id, axis);
    if (few != kNoValue) return few;
    // Two branches that read the same value share it, and may then be its only readers.
    const auto [known, is_new] = gathered_.try_emplace({id, axis}, kNoValue);
    if (is_new) {
      if (positions_ == kNoValue) positions_ = graph_.add_constant({}, flat_positions_);
      known->second = add(*origin_, primitives::make_gather(static_cast<std::int64_t>(axis)), {id, positions_});
    }
    return known->second;
  }

  /// kNoValue where the node that makes the value mixes positions, or somebody else needs all of it.
  ValueId through(ValueId id, std::size_t axis) {
    const NodeId maker = graph_.value(id).producer;
    if (maker == kNoNode || uses_.sole_reader(id) == kNoNode) return kNoValue;
    const Node& node = graph_.node(maker);
    if (node.outputs.size() != 1) return kNoValue;
    const primitives::Primitive& primitive = *node.primitive;
    const std::size_t rank = shape(id).size();
    const bool rows = axis + 2 == rank;
    if (primitives::as_unary(primitive)) return with_inputs(node, id, axis, 1);
    if (primitives::as_binary(primitive)) return with_inputs(node, id, axis, 2);
    if (const auto first = primitives::as_normalization(primitive)) {
      return static_cast<std::int64_t>(axis) < *first ? with_inputs(node, id, axis, 1) : kNoValue;
    }
    if (const auto matmul = primitives::as_matmul(primitive)) {
      return rows && !matmul->attributes.transpose_a ? with_inputs(node, id, axis, 1) : kNoValue;
    }
    if (primitives::is_attention(primitive)) {
      if (!rows) return kNoValue;
      std::vector<ValueId> inputs = node.inputs;
      inputs[0] = at_positions(inputs[0], axis);
      if (inputs.size() == 4) inputs[3] = operand(inputs[3], id, axis);
      return add(node, node.primitive, std::move(inputs));
    }
    if (const auto permutation = primitives::as_transpose(primitive)) {
      return add(node, node.primitive, {at_positions(node.inputs[0], static_cast<std::size_t>((*permutation)[axis]))});
    }
    if (primitive.name() == "reshape") return through_reshape(node, id, axis);
    return kNoValue;
  }

  /// The first `count` inputs walk along with the axis of the output.
  ValueId with_inputs(const Node& node, ValueId output, std::size_t axis, std::size_t count) {
    std::vector<ValueId> inputs = node.inputs;
    for (std::size_t i = 0; i < count; ++i) inputs[i] = operand(inputs[i], output, axis);
    return add(node, node.primitive, std::move(inputs));
  }

  /// An input that broadcasts to the output: as it is where it has one position only.
  ValueId operand(ValueId id, ValueId output, std::size_t axis) {
    const std::size_t missing = shape(output).size() - shape(id).size();
    if (axis < missing || shape(id)[axis - missing] == 1) return id;
    return at_positions(id, axis - missing);
  }

  /// The axis must be one of the input, too.
  ValueId through_reshape(const Node& node, ValueId id, std::size_t axis) {
    const Shape& to = shape(id);
    const Shape& from = shape(node.inputs[0]);
    const std::int64_t outside = element_count(Shape(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(axis)));
    std::int64_t seen = 1;
    for (std::size_t i = 0; i < from.size() && seen <= outside; ++i) {
      if (seen == outside && from[i] == to[axis]) {
        Shape few = to;
        few[axis] = count_;
        return add(node, primitives::make_reshape(std::move(few)), {at_positions(node.inputs[0], i)});
      }
      seen *= from[i];
    }
    return kNoValue;
  }

  Graph& graph_;
  Uses uses_;
  std::vector<Node> result_;
  const Node* origin_ = nullptr;  ///< the gather under way
  Constant flat_positions_;
  ValueId positions_ = kNoValue;
  std::map<std::pair<ValueId, std::size_t>, ValueId> gathered_;
  std::int64_t count_ = 0;
};

}  // namespace

void gather_early(Graph& graph, std::span<const ValueId> keep) {
  while (Mover(graph, keep).run()) remove_dead(graph, keep);
}

}  // namespace mho::graph
