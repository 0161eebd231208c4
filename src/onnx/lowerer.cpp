// Lowers a parsed model's nodes in order: through functions, branches and loops, which leave no trace in the graph.
#include "onnx/lowerer.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <new>

#include "kernels/limit_names.h"
#include "onnx/attributes.h"
#include "onnx/lowering.h"

namespace mho::onnx {

namespace {

using kernels::TensorType;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

/// The shape input `port` is specialised to; throws Error(kInvalidArgument) where none is given or it cannot be.
Shape shape_of(const PortInfo& port, const Model::Specialization& specialization) {
  const auto it = specialization.input_shapes.find(port.name);
  if (it != specialization.input_shapes.end()) {
    const Shape& shape = it->second;
    if (port.has_shape && shape.size() != port.shape.size()) {
      throw Error(Code::kInvalidArgument, fmt::format("input '{}' has rank {}, the shape {} was given", port.name,
                                                      port.shape.size(), to_string(shape)));
    }
    if (std::ranges::any_of(shape, [](std::int64_t extent) { return extent < 0; })) {
      throw Error(Code::kInvalidArgument, fmt::format("input '{}' cannot have the shape {}: extents cannot be negative",
                                                      port.name, to_string(shape)));
    }
    return shape;
  }
  Shape shape;
  for (const Dimension& d : port.shape) shape.push_back(d.extent);
  if (!port.has_shape || std::ranges::find(shape, -1) != shape.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("the shape of input '{}' must be given", port.name));
  }
  return shape;
}

/// Where a body's nodes find their tensors, operator sets and attributes.
struct Scope {
  const Scope* outer = nullptr;  ///< the enclosing body's; null in the model's graph and in functions
  const Opsets* opsets = nullptr;
  std::optional<NodeAttributes::Call> call = std::nullopt;  ///< of the function that the body is of
  std::string prefix = {};                                  ///< of names
  int depth = 0;
  const Body* body = nullptr;
  std::map<std::string, ValueId, std::less<>> values = {};

  [[nodiscard]] ValueId find(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      const auto it = scope->values.find(name);
      if (it != scope->values.end()) return it->second;
    }
    throw Error(Code::kInvalidModel, fmt::format("tensor '{}' cannot be seen here", name));
  }
};

class Lowerer {
 public:
  Lowerer(const ParsedModel& model, const Limits& limits, const std::shared_ptr<kernels::MemoryMeter>& memory,
          const Model::Specialization& specialization)
      : model_(model),
        limits_(limits),
        specialization_(specialization),
        build_(limits, memory),
        tensors_(model.proto, {}, limits, build_.memory()) {}

  graph::Graph run() && {
    Scope scope{.opsets = &model_.opsets};
    for (const PortInfo& port : model_.inputs) {
      scope.values[port.name] = input(port);
      element_types_[scope.values[port.name]] = port.element_type;
    }
    lower_body(model_.graph, scope);
    for (const PortInfo& port : model_.outputs) {
      const ValueId value = scope.find(port.name);
      if (value == graph::kNoValue) {
        throw Error(Code::kUnsupported,
                    fmt::format("output '{}' is an optional output that mho does not compute", port.name));
      }
      build_.mark_output(value);
    }
    return std::move(build_).finish();
  }

 private:
  /// The subgraphs of one node in a scope.
  class NodeSubgraphs final : public Subgraphs {
   public:
    NodeSubgraphs(Lowerer& lowerer, const NodeProto& node, const NodeAttributes& attributes, const Scope& scope)
        : lowerer_(lowerer), node_(node), attributes_(attributes), scope_(scope) {}

    [[nodiscard]] Arity arity(std::string_view name) const override {
      const Body& body = body_of(name);
      return {body.inputs.size(), body.outputs.size()};
    }
    std::vector<ValueId> lower(std::string_view name, std::span<const ValueId> inputs, std::string_view run) override {
      Scope inner{&scope_, scope_.opsets, scope_.call, scope_.prefix, scope_.depth + 1};
      if (!run.empty()) inner.prefix += fmt::format("{}/{}/", name_of(node_), run);
      std::vector<ValueId> outputs = lowerer_.lower_body(body_of(name), inputs, inner);
      lowerer_.build_.set_origin(scope_.prefix + name_of(node_), node_.op_type());
      return outputs;
    }

   private:
    [[nodiscard]] const Body& body_of(std::string_view name) const {
      const ::onnx::GraphProto* graph = attributes_.graph(name);
      const auto it = graph == nullptr ? lowerer_.model_.subgraphs.end() : lowerer_.model_.subgraphs.find(graph);
      if (it != lowerer_.model_.subgraphs.end()) return it->second;
      throw Error(Code::kInvalidModel, fmt::format("its attribute '{}' holds no graph", name));
    }

    Lowerer& lowerer_;
    const NodeProto& node_;
    const NodeAttributes& attributes_;
    const Scope& scope_;
  };

  ValueId input(const PortInfo& port) {
    const auto fixed = specialization_.fixed_inputs.find(port.name);
    if (fixed != specialization_.fixed_inputs.end()) return build_.constant(fixed->second, port.name);
    TensorType type{port.dtype, shape_of(port, specialization_)};
    check_size(port.name, type);
    return build_.input(port.name, std::move(type));
  }

  void check_size(const std::string& name, const TensorType& type) const {
    check_shape(type.shape, limits_.tensor_elements, fmt::format("tensor '{}'", name));
  }

  /// A body that is run with these inputs; returns its outputs.
  std::vector<ValueId> lower_body(const Body& body, std::span<const ValueId> inputs, Scope& scope) {
    if (scope.depth > limits_.nesting) {
      throw kernels::over_limit(fmt::format("functions and subgraphs nest {} deep or more", scope.depth),
                                limits_.nesting, kernels::kNestingLimit);
    }
    if (inputs.size() != body.inputs.size()) {
      throw Error(Code::kInvalidModel,
                  fmt::format("{} inputs are given to a body of {}", inputs.size(), body.inputs.size()));
    }
    count();
    build_.work(static_cast<std::int64_t>(body.inputs.size() + body.outputs.size() + body.initializers.size()));
    for (std::size_t i = 0; i < inputs.size(); ++i) scope.values[body.inputs[i]] = inputs[i];
    lower_body(body, scope);
    std::vector<ValueId> outputs;
    for (const std::string& name : body.outputs) outputs.push_back(scope.find(name));
    return outputs;
  }

  void lower_body(const Body& body, Scope& scope) {
    scope.body = &body;
    auto& constants = constants_[&body];
    for (const auto& [name, constant] : body.initializers) {
      const auto [it, is_new] = constants.emplace(name, kNoValue);
      if (is_new) it->second = build_.constant(constant, scope.prefix + name);
      element_types_[it->second] = body.initializer_types.at(name);
      scope.values[name] = it->second;
    }
    for (const NodeProto* node : body.nodes) lower(*node, scope);
  }

  void lower(const NodeProto& node, Scope& scope) {
    const std::string prefix = fmt::format("{} node '{}'", node.op_type(), scope.prefix + name_of(node));
    try {
      count();
      // Names are copied a few times, lists are walked through: cheap, but the file says how long they are.
      build_.work(static_cast<std::int64_t>(prefix.size()) + node.input_size() + node.output_size() +
                  node.attribute_size());
      const std::int64_t read_before = tensors_.bytes_read();
      lower_unguarded(node, scope);
      build_.work(tensors_.bytes_read() - read_before);
    } catch (const Error& error) {
      const std::string message = error.what();
      // Lowerings name the node; primitives and readers do not know it. Inside a body, the innermost node is named.
      if (error.code() == Code::kInternal || message.find(" node '") != std::string::npos) throw;
      throw Error(error.code(), fmt::format("{}: {}", prefix, message));
    } catch (const std::bad_alloc&) {
      throw Error(Code::kLimit, fmt::format("{}: not enough memory", prefix));
    }
  }

  /// Nodes, and runs of bodies without any.
  void count() {
    if (++lowered_ <= limits_.unrolled_nodes) return;
    throw kernels::over_limit(fmt::format("loops and functions make {} nodes or more", lowered_),
                              limits_.unrolled_nodes, kernels::kUnrolledLimit);
  }

  void lower_unguarded(const NodeProto& node, Scope& scope) {
    std::vector<ValueId> inputs;
    for (const std::string& input : node.input()) {
      inputs.push_back(input.empty() ? kNoValue : scope.find(input));
      if (!input.empty() && inputs.back() == kNoValue) {
        throw Error(Code::kUnsupported,
                    fmt::format("its input '{}' is an optional output that mho does not compute", input));
      }
    }
    const NodeAttributes attributes(node, tensors_, scope.call);
    const std::vector<ValueId> outputs = lower_outputs(node, attributes, inputs, scope);
    for (std::size_t i = 0; i < static_cast<std::size_t>(node.output_size()); ++i) {
      const std::string& name = node.output(static_cast<int>(i));
      if (name.empty()) continue;
      const ValueId value = i < outputs.size() ? outputs[i] : kNoValue;
      scope.values[name] = value;
      if (value == kNoValue) continue;
      check_size(name, build_.type(value));
      element_types_.emplace(value, made_type(node, attributes, inputs, i, build_.type(value).dtype));
      // What a body returns is known by the name outside, and by this one as well.
      if (scope.depth > 0 && std::ranges::find(scope.body->outputs, name) != scope.body->outputs.end()) {
        inner_names_.emplace_back(value, scope.prefix + name);
      } else {
        build_.set_name(value, scope.prefix + name);
      }
    }
    if (scope.depth > 0) return;
    for (auto it = inner_names_.rbegin(); it != inner_names_.rend(); ++it) build_.set_name(it->first, it->second);
    inner_names_.clear();
  }

  /// The ONNX element type of output `i`, which is held as `dtype`, as far as it can be told; 0 elsewhere. Where
  /// integers come from integers, they are of the type of the first ones.
  [[nodiscard]] int made_type(const NodeProto& node, const NodeAttributes& attributes, std::span<const ValueId> inputs,
                              std::size_t i, DType dtype) const {
    const std::string& type = node.op_type();
    if (type == "Cast") return static_cast<int>(attributes.integer("to", 0));
    if (const auto* value = type == "Constant" ? attributes.find("value") : nullptr) return value->t().data_type();
    constexpr int kInt64 = TensorProto::INT64;
    if (type == "Shape" || type == "Size" || type == "ArgMax" || type == "ArgMin" || type == "NonZero") return kInt64;
    if (type == "TopK" && i == 1) return kInt64;
    const auto type_of = [&](ValueId id) {
      const auto it = element_types_.find(id);
      return it == element_types_.end() ? 0 : it->second;
    };
    if (type == "QuantizeLinear") return inputs.size() > 2 ? type_of(inputs[2]) : int{TensorProto::UINT8};
    if (type == "DynamicQuantizeLinear" && i != 1) return TensorProto::UINT8;
    for (const ValueId id : inputs) {
      if (id != kNoValue && build_.type(id).dtype == dtype) return type_of(id);
    }
    return 0;
  }

  std::vector<ValueId> lower_outputs(const NodeProto& node, const NodeAttributes& attributes,
                                     std::vector<ValueId>& inputs, const Scope& scope) {
    const std::int64_t opset = opset_of(*scope.opsets, node);
    if (const Function* function = function_of(model_.functions, node, opset)) {
      inputs.resize(std::max(inputs.size(), function->body.inputs.size()), kNoValue);
      Scope inner{nullptr, &function->opsets, NodeAttributes::Call{&attributes, function->defaults},
                  fmt::format("{}{}/", scope.prefix, name_of(node)), scope.depth + 1};
      return lower_body(function->body, inputs, inner);
    }
    const Operator* entry = find_operator(node.domain(), node.op_type(), opset);
    if (entry == nullptr) {
      // Only in a branch: everything else was checked when the model was loaded.
      throw Error(Code::kUnsupported, fmt::format("{} node '{}': the operator is not supported (opset {}); `mho ops` "
                                                  "lists those that are",
                                                  node.op_type(), scope.prefix + name_of(node), opset));
    }
    const std::string name = scope.prefix + name_of(node);
    build_.set_origin(name, node.op_type());
    NodeSubgraphs subgraphs(*this, node, attributes, scope);
    std::vector<int> element_types;
    for (const ValueId id : inputs) {
      const auto it = element_types_.find(id);
      element_types.push_back(it == element_types_.end() ? 0 : it->second);
    }
    return entry->lowering({build_, attributes, subgraphs, node.op_type(), entry->domain, name, opset,
                            specialization_.batch_scale, inputs, element_types,
                            static_cast<std::size_t>(node.output_size())});
  }

  const ParsedModel& model_;
  const Limits& limits_;
  const Model::Specialization& specialization_;
  Builder build_;
  TensorReader tensors_;
  std::map<const Body*, std::map<std::string, ValueId, std::less<>>> constants_;  // made once, however often it runs
  std::vector<std::pair<ValueId, std::string>> inner_names_;  // of what bodies return, innermost first
  std::map<ValueId, int> element_types_;                      // TensorProto.DataType
  std::int64_t lowered_ = 0;
};

}  // namespace

graph::Graph lower(const ParsedModel& model, const Limits& limits, const std::shared_ptr<kernels::MemoryMeter>& memory,
                   const Model::Specialization& specialization) {
  return Lowerer(model, limits, memory, specialization).run();
}

}  // namespace mho::onnx
