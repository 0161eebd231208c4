// What passes ask that recognise a function written out in several nodes.
#include "graph/passes/pattern.h"

namespace mho::graph {

using kernels::Binary;
using kernels::Unary;

Pattern::Pattern(Graph& graph, std::span<const ValueId> keep)
    : graph_(graph), kept_(graph.value_count()), nodes_(graph.nodes().begin(), graph.nodes().end()) {
  for (const ValueId id : keep) kept_[static_cast<std::size_t>(id)] = true;
}

const Node* Pattern::maker(ValueId id) const {
  if (kept_[static_cast<std::size_t>(id)] || graph_.is_constant(id)) return nullptr;
  const NodeId node = graph_.value(id).producer;
  return node == kNoNode ? nullptr : &nodes_[static_cast<std::size_t>(node)];
}

std::optional<ValueId> Pattern::input_of(ValueId id, kernels::UnaryFunction f) const {
  const Node* node = maker(id);
  if (node == nullptr || primitives::as_unary(*node->primitive) != f) return std::nullopt;
  return node->inputs[0];
}

const Node* Pattern::binary_maker(ValueId id, Binary f) const {
  const Node* node = maker(id);
  return node != nullptr && primitives::as_binary(*node->primitive) == f ? node : nullptr;
}

std::optional<ValueId> Pattern::reduced(ValueId id, kernels::ReduceKind kind, const Shape& axes) const {
  const Node* node = maker(id);
  if (node == nullptr || primitives::as_reduce(*node->primitive, kind) != axes) return std::nullopt;
  return node->inputs[0];
}

std::optional<double> Pattern::scalar(ValueId id) const {
  const Value& value = graph_.value(id);
  if (!value.constant || !value.type.is_real() || value.type.elements() != 1) return std::nullopt;
  const Constant& constant = *value.constant;
  return constant.type.dtype == DType::f64 ? constant.as<double>()[0] : static_cast<double>(constant.as<float>()[0]);
}

std::optional<Pattern::Affine> Pattern::affine_step(const Node& node) const {
  if (const auto f = primitives::as_unary(*node.primitive)) {
    if (f->kind == Unary::affine) return Affine{node.inputs[0], f->alpha, f->beta};
    if (f->kind == Unary::neg) return Affine{node.inputs[0], -1, 0};
    return std::nullopt;
  }
  const auto f = primitives::as_binary(*node.primitive);
  if (!f) return std::nullopt;
  const auto number = scalar(node.inputs[1]);
  const auto first = scalar(node.inputs[0]);
  const ValueId x = node.inputs[number ? 0 : 1];
  // A number with more axes than x would change its shape.
  if ((!number && !first) || type(x) != type(node.outputs[0])) return std::nullopt;
  const double c = number ? *number : *first;
  switch (*f) {
    case Binary::add:
      return Affine{x, 1, c};
    case Binary::sub:
      return number ? Affine{x, 1, -c} : Affine{x, -1, c};
    case Binary::mul:
      return Affine{x, c, 0};
    case Binary::div:
      if (!number || c == 0) return std::nullopt;
      return Affine{x, 1 / c, 0};
    default:
      return std::nullopt;
  }
}

Pattern::Affine Pattern::affine(ValueId id) const {
  Affine result{id, 1, 0};
  while (const Node* node = maker(result.x)) {
    const auto step = affine_step(*node);
    if (!step) break;
    result = {step->x, result.scale * step->scale, result.scale * step->shift + result.shift};
  }
  return result;
}

bool Pattern::replace(NodeId node, const PrimitivePtr& primitive, std::vector<ValueId> inputs) {
  Node& old = nodes_[static_cast<std::size_t>(node)];
  std::vector<TensorType> types;
  for (const ValueId id : inputs) types.push_back(type(id));
  if (primitive->infer(types) != std::vector{type(old.outputs[0])}) return false;
  old.primitive = primitive;
  old.inputs = std::move(inputs);
  return true;
}

void Pattern::finish() { graph_.set_nodes(std::move(nodes_)); }

}  // namespace mho::graph
