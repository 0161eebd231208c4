// Makes ONNX models in memory, valid or broken on purpose, for tests and fuzz seeds.
#pragma once

#include <mho/array.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace mho::testing {

/// An extent of a declared shape: a number, a symbol, or nothing (unknown).
using Extent = std::variant<std::monostate, std::int64_t, std::string>;

/// The node added last; adds to it.
class NodeHandle {
 public:
  explicit NodeHandle(::onnx::NodeProto* node) : node_(node) {}

  NodeHandle& named(const std::string& name) {
    node_->set_name(name);
    return *this;
  }
  NodeHandle& in_domain(const std::string& domain) {
    node_->set_domain(domain);
    return *this;
  }
  NodeHandle& with(const std::string& name, std::int64_t value) {
    add(name, ::onnx::AttributeProto::INT)->set_i(value);
    return *this;
  }
  NodeHandle& with(const std::string& name, int value) { return with(name, std::int64_t{value}); }
  NodeHandle& with(const std::string& name, double value) {
    add(name, ::onnx::AttributeProto::FLOAT)->set_f(static_cast<float>(value));
    return *this;
  }
  NodeHandle& with(const std::string& name, const std::string& value) {
    add(name, ::onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }
  NodeHandle& with(const std::string& name, const char* value) { return with(name, std::string(value)); }
  NodeHandle& with(const std::string& name, const std::vector<std::int64_t>& values) {
    add(name, ::onnx::AttributeProto::INTS)->mutable_ints()->Add(values.begin(), values.end());
    return *this;
  }
  NodeHandle& with(const std::string& name, const std::vector<float>& values) {
    add(name, ::onnx::AttributeProto::FLOATS)->mutable_floats()->Add(values.begin(), values.end());
    return *this;
  }
  NodeHandle& with(const std::string& name, const ::onnx::TensorProto& tensor) {
    *add(name, ::onnx::AttributeProto::TENSOR)->mutable_t() = tensor;
    return *this;
  }
  NodeHandle& with(const std::string& name, const ::onnx::GraphProto& graph) {
    *add(name, ::onnx::AttributeProto::GRAPH)->mutable_g() = graph;
    return *this;
  }
  [[nodiscard]] ::onnx::NodeProto& proto() { return *node_; }

 private:
  ::onnx::AttributeProto* add(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
    ::onnx::AttributeProto* attribute = node_->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }

  ::onnx::NodeProto* node_;
};

/// A TensorProto without data.
inline ::onnx::TensorProto empty_tensor(const std::string& name, int type, const Shape& shape) {
  ::onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(type);
  tensor.mutable_dims()->Add(shape.begin(), shape.end());
  return tensor;
}

/// With the elements' bytes in raw_data.
template <class T>
::onnx::TensorProto raw_tensor(const std::string& name, int type, const Shape& shape, const std::vector<T>& values) {
  ::onnx::TensorProto tensor = empty_tensor(name, type, shape);
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  tensor.set_raw_data(bytes);
  return tensor;
}

inline ::onnx::TensorProto float_tensor(const std::string& name, const Shape& shape, const std::vector<float>& values) {
  ::onnx::TensorProto tensor = empty_tensor(name, ::onnx::TensorProto::FLOAT, shape);
  tensor.mutable_float_data()->Add(values.begin(), values.end());
  return tensor;
}

inline ::onnx::TensorProto int64_tensor(const std::string& name, const Shape& shape,
                                        const std::vector<std::int64_t>& values) {
  ::onnx::TensorProto tensor = empty_tensor(name, ::onnx::TensorProto::INT64, shape);
  tensor.mutable_int64_data()->Add(values.begin(), values.end());
  return tensor;
}

/// With data in `location`; an empty offset or length is left out.
inline ::onnx::TensorProto external_tensor(const std::string& name, int type, const Shape& shape,
                                           const std::string& location, const std::string& offset = {},
                                           const std::string& length = {}) {
  ::onnx::TensorProto tensor = empty_tensor(name, type, shape);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  const auto set = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    auto* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  set("location", location);
  set("offset", offset);
  set("length", length);
  return tensor;
}

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 17, std::int64_t ir_version = 8) {
    model_.set_ir_version(ir_version);
    model_.mutable_graph()->set_name("test");
    if (opset != 0) import("", opset);
  }

  ModelBuilder& import(const std::string& domain, std::int64_t version) {
    auto* entry = model_.add_opset_import();
    entry->set_domain(domain);
    entry->set_version(version);
    return *this;
  }
  ModelBuilder& input(const std::string& name, const std::vector<Extent>& shape,
                      int type = ::onnx::TensorProto::FLOAT) {
    declare(model_.mutable_graph()->add_input(), name, shape, type);
    return *this;
  }
  /// Declared without a shape, so not even the rank is known.
  ModelBuilder& input_without_shape(const std::string& name, int type = ::onnx::TensorProto::FLOAT) {
    auto* info = model_.mutable_graph()->add_input();
    info->set_name(name);
    info->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    return *this;
  }
  ModelBuilder& output(const std::string& name, const std::vector<Extent>& shape,
                       int type = ::onnx::TensorProto::FLOAT) {
    declare(model_.mutable_graph()->add_output(), name, shape, type);
    return *this;
  }
  /// Declared by name only.
  ModelBuilder& output(const std::string& name) {
    model_.mutable_graph()->add_output()->set_name(name);
    return *this;
  }
  ModelBuilder& initializer(const ::onnx::TensorProto& tensor) {
    *model_.mutable_graph()->add_initializer() = tensor;
    return *this;
  }
  ModelBuilder& floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    return initializer(float_tensor(name, shape, values));
  }
  ModelBuilder& integers(const std::string& name, const Shape& shape, const std::vector<std::int64_t>& values) {
    return initializer(int64_tensor(name, shape, values));
  }
  NodeHandle node(const std::string& type, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs) {
    ::onnx::NodeProto* node = model_.mutable_graph()->add_node();
    node->set_op_type(type);
    for (const std::string& name : inputs) node->add_input(name);
    for (const std::string& name : outputs) node->add_output(name);
    return NodeHandle(node);
  }

  [[nodiscard]] ::onnx::ModelProto& proto() { return model_; }
  [[nodiscard]] std::string serialized() const { return model_.SerializeAsString(); }

 private:
  static void declare(::onnx::ValueInfoProto* info, const std::string& name, const std::vector<Extent>& shape,
                      int type) {
    info->set_name(name);
    auto* tensor = info->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    auto* declared = tensor->mutable_shape();
    for (const Extent& extent : shape) {
      auto* dimension = declared->add_dim();
      if (const auto* number = std::get_if<std::int64_t>(&extent)) dimension->set_dim_value(*number);
      if (const auto* symbol = std::get_if<std::string>(&extent)) dimension->set_dim_param(*symbol);
    }
  }

  ::onnx::ModelProto model_;
};

}  // namespace mho::testing
