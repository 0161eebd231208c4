// Model: loading, and lowering for given input shapes.
#include "onnx/model.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <limits>
#include <new>

#include "onnx/attributes.h"
#include "onnx/lowering.h"
#include "onnx/mapped_file.h"
#include "onnx/parse.h"
#include "onnx/sha256.h"
#include "onnx/tensor_data.h"

namespace mho::onnx {

struct Model::Impl {
  ParsedModel parsed;
  std::string sha256;
  LoadLimits limits;
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model Model::load(const std::filesystem::path& path, const LoadLimits& limits) {
  const auto file = MappedFile::open(path);
  std::filesystem::path directory = path.parent_path();
  if (directory.empty()) directory = ".";
  const std::string what = fmt::format("model '{}'", path.string());
  return Model(std::make_unique<Impl>(
      Impl{onnx::parse(file->bytes(), directory, limits, what), onnx::sha256(file->bytes()), limits}));
}

Model Model::parse(std::span<const std::byte> bytes, const std::filesystem::path& directory, const LoadLimits& limits) {
  return Model(std::make_unique<Impl>(
      Impl{onnx::parse(bytes, directory, limits, "model in memory"), onnx::sha256(bytes), limits}));
}

const std::vector<PortInfo>& Model::inputs() const { return impl_->parsed.inputs; }
const std::vector<PortInfo>& Model::outputs() const { return impl_->parsed.outputs; }
std::int64_t Model::ir_version() const { return impl_->parsed.proto->ir_version(); }
std::string Model::sha256() const { return impl_->sha256; }

std::int64_t Model::opset() const {
  const auto it = impl_->parsed.opsets.find("");
  return it == impl_->parsed.opsets.end() ? 0 : it->second;
}

std::string Model::producer() const {
  const auto& proto = *impl_->parsed.proto;
  return proto.producer_version().empty() ? proto.producer_name()
                                          : proto.producer_name() + " " + proto.producer_version();
}

std::size_t Model::node_count() const { return static_cast<std::size_t>(impl_->parsed.proto->graph().node_size()); }

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, constant] : impl_->parsed.initializers) {
    if (constant.type.is_real()) count += constant.type.elements();
  }
  return count;
}

namespace {

using kernels::TensorType;

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

graph::FoldingLimits folding_limits(const LoadLimits& limits) {
  graph::FoldingLimits folding;
  folding.elements = std::min(folding.elements, limits.max_tensor_elements);
  folding.total_elements = limits.max_constant_elements;
  folding.operations = limits.max_constant_operations;
  return folding;
}

class Lowerer {
 public:
  Lowerer(const ParsedModel& model, const LoadLimits& limits, const Model::Specialization& specialization)
      : model_(model),
        limits_(limits),
        specialization_(specialization),
        tensors_(model.proto, {}, limits),
        build_(folding_limits(limits)) {}

  graph::Graph run() && {
    for (const auto& [name, constant] : model_.initializers) values_[name] = build_.constant(constant, name);
    for (const PortInfo& port : model_.inputs) {
      const auto fixed = specialization_.fixed_inputs.find(port.name);
      if (fixed != specialization_.fixed_inputs.end()) {
        values_[port.name] = build_.constant(fixed->second, port.name);
        continue;
      }
      TensorType type{port.dtype, shape_of(port, specialization_)};
      check_size(port.name, type);
      values_[port.name] = build_.input(port.name, std::move(type));
    }
    for (const ::onnx::NodeProto* node : model_.nodes) lower(*node);
    for (const PortInfo& port : model_.outputs) {
      const ValueId value = values_.at(port.name);
      if (value == graph::kNoValue) {
        throw Error(Code::kUnsupported,
                    fmt::format("output '{}' is an optional output that mho does not compute", port.name));
      }
      build_.mark_output(value);
    }
    return std::move(build_).finish();
  }

 private:
  void check_size(const std::string& name, const TensorType& type) const {
    check_shape(type.shape, limits_.max_tensor_elements, fmt::format("tensor '{}'", name));
  }

  void lower(const ::onnx::NodeProto& node) {
    const std::string prefix = fmt::format("{} node '{}'", node.op_type(), name_of(node));
    try {
      lower_unguarded(node);
    } catch (const Error& error) {
      const std::string message = error.what();
      // Lowerings name the node; primitives and readers do not know it.
      if (message.starts_with(prefix)) throw;
      throw Error(error.code(), fmt::format("{}: {}", prefix, message));
    } catch (const std::bad_alloc&) {
      throw Error(Code::kLimit, fmt::format("{}: not enough memory", prefix));
    }
  }

  void lower_unguarded(const ::onnx::NodeProto& node) {
    const std::int64_t opset = opset_of(model_, node);
    const Operator* entry = find_operator(node.domain(), node.op_type(), opset);
    if (entry == nullptr) throw Error(Code::kInternal, "a node without lowering passed the check");
    std::vector<ValueId> inputs;
    for (const std::string& input : node.input()) {
      inputs.push_back(input.empty() ? graph::kNoValue : values_.at(input));
      if (!input.empty() && inputs.back() == graph::kNoValue) {
        throw Error(Code::kUnsupported,
                    fmt::format("its input '{}' is an optional output that mho does not compute", input));
      }
    }
    const NodeAttributes attributes(node, tensors_);
    build_.set_origin(name_of(node), node.op_type());
    const NodeContext context{build_,         attributes,
                              node.op_type(), name_of(node),
                              opset,          specialization_.batch_scale,
                              inputs,         static_cast<std::size_t>(node.output_size())};
    const std::vector<ValueId> outputs = entry->lowering(context);
    for (std::size_t i = 0; i < context.output_count; ++i) {
      const std::string& name = node.output(static_cast<int>(i));
      if (name.empty()) continue;
      const ValueId value = i < outputs.size() ? outputs[i] : graph::kNoValue;
      values_[name] = value;
      if (value == graph::kNoValue) continue;
      check_size(name, build_.type(value));
      build_.set_name(value, name);
    }
  }

  const ParsedModel& model_;
  const LoadLimits& limits_;
  const Model::Specialization& specialization_;
  TensorReader tensors_;
  Builder build_;
  std::map<std::string, ValueId, std::less<>> values_;
};

}  // namespace

graph::Graph Model::specialize(const Specialization& specialization) const {
  return Lowerer(impl_->parsed, impl_->limits, specialization).run();
}

std::vector<OperatorFacts> supported_operators() {
  // An operator with several lowerings is supported since the first of them.
  std::map<std::pair<std::string, std::string>, std::int64_t> first;
  for (const Operator& entry : operators()) {
    const auto [it, is_new] = first.emplace(std::pair{std::string(entry.domain), std::string(entry.type)}, entry.since);
    if (!is_new) it->second = std::min(it->second, entry.since);
  }
  std::vector<OperatorFacts> facts;
  for (const auto& [key, since] : first) facts.push_back({key.first, key.second, since});
  return facts;
}

Array read_tensor_proto(std::span<const std::byte> bytes) {
  ::onnx::TensorProto proto;
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(Code::kInvalidModel, "not a TensorProto, or truncated, or damaged");
  }
  TensorReader reader(nullptr, {}, {});
  const kernels::Constant constant = reader.read(proto, fmt::format("tensor '{}'", proto.name()));
  Array array(constant.type.dtype, constant.type.shape);
  if (array.size() > 0) std::copy_n(constant.data.get(), constant.type.bytes(), array.bytes().data());
  return array;
}

}  // namespace mho::onnx
