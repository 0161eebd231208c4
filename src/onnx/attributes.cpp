// A NodeProto's attributes behind the interface that lowerings see.
#include "onnx/attributes.h"

#include <fmt/format.h>
#include <mho/error.h>

namespace mho::onnx {

using ::onnx::AttributeProto;

bool NodeAttributes::has(std::string_view name) const { return find(name) != nullptr; }

const AttributeProto* NodeAttributes::find(std::string_view name) const {
  for (const AttributeProto& attribute : node_->attribute()) {
    if (attribute.name() != name) continue;
    if (attribute.ref_attr_name().empty()) return &attribute;
    if (!call_) {
      throw Error(Code::kInvalidModel, fmt::format("attribute '{}' refers to '{}' of a function's call, but is in none",
                                                   name, attribute.ref_attr_name()));
    }
    // An attribute that the call leaves out and that has no default is left out here as well.
    if (const AttributeProto* given = call_->attributes->find(attribute.ref_attr_name())) return given;
    for (const AttributeProto& otherwise : call_->defaults) {
      if (otherwise.name() == attribute.ref_attr_name()) return &otherwise;
    }
    return nullptr;
  }
  return nullptr;
}

const AttributeProto* NodeAttributes::find(std::string_view name, AttributeProto::AttributeType type) const {
  const AttributeProto* attribute = find(name);
  // IR version 1 wrote no types; what is set tells.
  if (attribute == nullptr || attribute->type() == type || attribute->type() == AttributeProto::UNDEFINED) {
    return attribute;
  }
  throw Error(Code::kInvalidModel, fmt::format("attribute '{}' has the type {}, which should be {}", name,
                                               AttributeProto::AttributeType_Name(attribute->type()),
                                               AttributeProto::AttributeType_Name(type)));
}

std::int64_t NodeAttributes::integer(std::string_view name, std::int64_t otherwise) const {
  const AttributeProto* attribute = find(name, AttributeProto::INT);
  return attribute != nullptr ? attribute->i() : otherwise;
}

double NodeAttributes::real(std::string_view name, double otherwise) const {
  const AttributeProto* attribute = find(name, AttributeProto::FLOAT);
  return attribute != nullptr ? static_cast<double>(attribute->f()) : otherwise;
}

std::string NodeAttributes::string(std::string_view name, std::string otherwise) const {
  const AttributeProto* attribute = find(name, AttributeProto::STRING);
  return attribute != nullptr ? attribute->s() : otherwise;
}

std::optional<std::vector<std::int64_t>> NodeAttributes::integers(std::string_view name) const {
  const AttributeProto* attribute = find(name, AttributeProto::INTS);
  if (attribute == nullptr) return std::nullopt;
  return std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end());
}

std::optional<std::vector<double>> NodeAttributes::reals(std::string_view name) const {
  const AttributeProto* attribute = find(name, AttributeProto::FLOATS);
  if (attribute == nullptr) return std::nullopt;
  return std::vector<double>(attribute->floats().begin(), attribute->floats().end());
}

std::optional<std::vector<std::string>> NodeAttributes::strings(std::string_view name) const {
  const AttributeProto* attribute = find(name, AttributeProto::STRINGS);
  if (attribute == nullptr) return std::nullopt;
  return std::vector<std::string>(attribute->strings().begin(), attribute->strings().end());
}

std::optional<kernels::Constant> NodeAttributes::tensor(std::string_view name) const {
  const AttributeProto* attribute = find(name, AttributeProto::TENSOR);
  if (attribute == nullptr) return std::nullopt;
  return tensors_->read(attribute->t(), fmt::format("attribute '{}'", name));
}

const ::onnx::GraphProto* NodeAttributes::graph(std::string_view name) const {
  const AttributeProto* attribute = find(name, AttributeProto::GRAPH);
  return attribute != nullptr ? &attribute->g() : nullptr;
}

}  // namespace mho::onnx
