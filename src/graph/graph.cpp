// The graph's book-keeping: ids, names, order, and the check that passes run behind themselves.
#include "graph/graph.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <limits>

namespace mho::graph {

namespace {
NodeId node_id(std::size_t index) { return static_cast<NodeId>(index); }
}  // namespace

primitives::Positions inputs_in(const Node& node, const std::vector<bool>& set) {
  primitives::Positions positions;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (set[static_cast<std::size_t>(node.inputs[i])]) positions.add(i);
  }
  return positions;
}

ValueId Graph::add_value(TensorType type, std::string name) {
  if (values_.size() >= static_cast<std::size_t>(std::numeric_limits<ValueId>::max())) {
    throw Error(Code::kLimit, fmt::format("the model becomes more than {} tensors", values_.size()));
  }
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({std::move(type), {}, kNoNode, {}});
  if (!name.empty()) set_name(id, name);
  return id;
}

ValueId Graph::add_input(std::string name, TensorType type) {
  const ValueId id = add_value(std::move(type), std::move(name));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string name, Constant constant) {
  TensorType type = constant.type;
  if (type.is_real()) type.dtype = kReal;
  const ValueId id = add_value(std::move(type), std::move(name));
  value(id).constant = std::move(constant);
  return id;
}

std::vector<ValueId> Graph::add_node(PrimitivePtr primitive, std::vector<ValueId> inputs, std::string origin_name,
                                     std::string origin_type) {
  std::vector<TensorType> input_types;
  input_types.reserve(inputs.size());
  for (const ValueId id : inputs) input_types.push_back(value(id).type);
  std::vector<ValueId> outputs;
  for (TensorType& type : primitive->infer(input_types)) {
    const ValueId id = add_value(std::move(type));
    value(id).producer = node_id(nodes_.size());
    outputs.push_back(id);
  }
  nodes_.push_back({std::move(primitive), std::move(inputs), outputs, std::move(origin_name), std::move(origin_type)});
  return outputs;
}

void Graph::set_name(ValueId id, const std::string& name) {
  if (value(id).name.empty()) value(id).name = name;
  names_.emplace(name, id);
}

ValueId Graph::find(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? kNoValue : it->second;
}

void Graph::set_nodes(std::vector<Node> nodes) {
  nodes_ = std::move(nodes);
  for (Value& value : values_) value.producer = kNoNode;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const ValueId id : nodes_[i].outputs) value(id).producer = node_id(i);
  }
}

void Graph::verify() const {
  std::vector<bool> defined(values_.size(), false);
  const auto fail = [](const std::string& what) { throw Error(Code::kInternal, "graph is inconsistent: " + what); };
  for (const ValueId id : inputs_) {
    if (value(id).producer != kNoNode) fail(fmt::format("input {} is made by a node", id));
    defined[static_cast<std::size_t>(id)] = true;
  }
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].constant) defined[i] = true;
  }
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    std::vector<TensorType> input_types;
    for (const ValueId id : node.inputs) {
      if (id < 0 || static_cast<std::size_t>(id) >= values_.size()) fail("a node reads a value that does not exist");
      if (!defined[static_cast<std::size_t>(id)]) {
        fail(fmt::format("{} reads value {} before it is made", node.primitive->name(), id));
      }
      TensorType type = value(id).type;
      type.layout = kernels::Layout::plain;
      input_types.push_back(std::move(type));
    }
    const std::vector<TensorType> output_types = node.primitive->infer(input_types);
    if (output_types.size() != node.outputs.size()) fail("a node has a wrong number of outputs");
    for (std::size_t i = 0; i < output_types.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (value(id).producer != node_id(n)) fail(fmt::format("value {} has two producers", id));
      if (value(id).type.shape != output_types[i].shape || value(id).type.dtype != output_types[i].dtype) {
        fail(fmt::format("{} makes {} where {} is recorded", node.primitive->name(), to_string(output_types[i].shape),
                         to_string(value(id).type.shape)));
      }
      defined[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const ValueId id : outputs_) {
    if (!defined[static_cast<std::size_t>(id)]) fail("an output is never made");
  }
}

std::string Graph::dump() const {
  const auto show = [&](ValueId id) {
    const Value& v = value(id);
    return fmt::format("%{}{}{}{}", id, v.name.empty() ? "" : ":" + v.name, v.constant ? "=const" : "",
                       to_string(v.type.shape));
  };
  const auto join = [&](std::span<const ValueId> ids) {
    std::string text;
    for (const ValueId id : ids) text += (text.empty() ? "" : ", ") + show(id);
    return text;
  };
  std::string text = fmt::format("inputs {}\n", join(inputs_));
  for (const Node& node : nodes_) {
    text += fmt::format("{} = {}({}) {}  # {} {}\n", join(node.outputs), node.primitive->name(), join(node.inputs),
                        node.primitive->describe(), node.origin_type, node.origin_name);
  }
  return text + fmt::format("outputs {}\n", join(outputs_));
}

}  // namespace mho::graph
