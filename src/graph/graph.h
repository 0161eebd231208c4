// The graph of primitives with static shapes: what lowering makes, passes rewrite and a Plan runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/memory_meter.h"
#include "primitives/primitive.h"

namespace mho::graph {

using kernels::Constant;
using kernels::DType;
using kernels::Tensor;
using kernels::TensorType;
using primitives::kReal;
using primitives::PrimitivePtr;

using ValueId = std::int32_t;
using NodeId = std::int32_t;
inline constexpr ValueId kNoValue = -1;
/// Where a value is in tables that have one entry for each.
[[nodiscard]] constexpr std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }
inline constexpr NodeId kNoNode = -1;

/// One tensor of the graph.
struct Value {
  TensorType type;
  std::string name;                  ///< ONNX tensor name; empty for tensors that only the lowering knows
  NodeId producer = kNoNode;         ///< kNoNode for inputs and constants
  std::optional<Constant> constant;  ///< real constants hold f32 or f64
};

/// One application of a primitive.
struct Node {
  PrimitivePtr primitive;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::string origin_name;  ///< ONNX node name
  std::string origin_type;  ///< ONNX operator type, e.g. "Conv"
};

/// Which inputs of the node are in a set with one entry per value.
[[nodiscard]] primitives::Positions inputs_in(const Node& node, const std::vector<bool>& set);

/// Nodes are in topological order at all times.
class Graph {
 public:
  ValueId add_input(std::string name, TensorType type);
  ValueId add_constant(std::string name, Constant constant);
  /// Appends a node, with inferred outputs. Throws what the primitive's infer() throws.
  std::vector<ValueId> add_node(PrimitivePtr primitive, std::vector<ValueId> inputs, std::string origin_name = {},
                                std::string origin_type = {});
  void mark_output(ValueId value) { outputs_.push_back(value); }
  /// Gives a value a name it can be found by; the first name becomes Value::name. One value may have several.
  void set_name(ValueId value, const std::string& name);

  [[nodiscard]] const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] Value& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
  [[nodiscard]] std::size_t value_count() const { return values_.size(); }
  [[nodiscard]] std::span<const ValueId> inputs() const { return inputs_; }
  [[nodiscard]] std::span<const ValueId> outputs() const { return outputs_; }
  [[nodiscard]] ValueId find(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, ValueId, std::less<>>& names() const { return names_; }
  [[nodiscard]] bool is_constant(ValueId id) const { return value(id).constant.has_value(); }

  /// Keeps what the memory of its constants is counted in as long as this graph or a copy of it lives.
  void keep_counted(std::shared_ptr<const kernels::MemoryShare> memory) { memory_ = std::move(memory); }

  /// For passes: replaces the whole node list (topological order), and fixes the producers.
  void set_nodes(std::vector<Node> nodes);
  /// For passes: values without a producer and a constant that count as made.
  void set_inputs(std::vector<ValueId> inputs) { inputs_ = std::move(inputs); }
  void set_outputs(std::vector<ValueId> outputs) { outputs_ = std::move(outputs); }
  /// For passes: a new value without producer; give it one with set_nodes().
  ValueId add_value(TensorType type, std::string name = {});
  /// Checks ids, order, single producers and inferred types; throws Error(kInternal).
  void verify() const;
  /// One line per node, for people.
  [[nodiscard]] std::string dump() const;

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  std::map<std::string, ValueId, std::less<>> names_;
  std::shared_ptr<const kernels::MemoryShare> memory_;
};

}  // namespace mho::graph
