// Reads model-local functions, also those with fields that are younger than the ONNX library mho is built with.
#include "onnx/functions.h"

#include <fmt/format.h>
#include <google/protobuf/unknown_field_set.h>
#include <mho/error.h>

#include "onnx/lowering.h"

namespace mho::onnx {

namespace {

/// Versions of ai.onnx whose operator definitions the lowerings were written from.
constexpr std::int64_t kNewestOpset = 28;

// Numbers of fields in onnx.proto3 that onnx 1.12 does not know yet.
constexpr int kFunctionDefaults = 11;  // FunctionProto.attribute_proto, since IR 9
constexpr int kFunctionOverload = 13;  // FunctionProto.overload, since IR 10
constexpr int kNodeOverload = 8;       // NodeProto.overload, since IR 10

/// The serialized values of a field with a length, whether this version of the schema knows it or not.
std::vector<std::string> values_of(const google::protobuf::Message& message, int number) {
  std::vector<std::string> values;
  const auto* field = message.GetDescriptor()->FindFieldByNumber(number);
  const auto* reflection = message.GetReflection();
  if (field == nullptr) {
    const auto& unknown = reflection->GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count(); ++i) {
      const auto& value = unknown.field(i);
      if (value.number() == number && value.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
        values.push_back(value.length_delimited());
      }
    }
  } else if (field->is_repeated()) {
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      values.push_back(reflection->GetRepeatedMessage(message, field, i).SerializeAsString());
    }
  } else if (reflection->HasField(message, field)) {
    values.push_back(reflection->GetString(message, field));
  }
  return values;
}

std::string joined_key(std::string_view domain, std::string_view name, const std::vector<std::string>& overload) {
  return fmt::format("{}:{}{}{}", domain_of(domain), name, overload.empty() || overload[0].empty() ? "" : ":",
                     overload.empty() ? "" : overload[0]);
}

}  // namespace

std::string domain_of(std::string_view domain) { return domain == "ai.onnx" ? std::string() : std::string(domain); }

std::string key_of(const ::onnx::NodeProto& node) {
  return joined_key(node.domain(), node.op_type(), values_of(node, kNodeOverload));
}

const Function* function_of(const Functions& functions, const ::onnx::NodeProto& node, std::int64_t opset) {
  if (functions.empty()) return nullptr;
  const auto it = functions.find(key_of(node));
  if (it == functions.end()) return nullptr;
  const bool standard = domain_of(node.domain()).empty();
  return standard && find_operator({}, node.op_type(), opset) != nullptr ? nullptr : &it->second;
}

std::int64_t opset_of(const Opsets& opsets, const ::onnx::NodeProto& node) {
  const auto it = opsets.find(domain_of(node.domain()));
  return it == opsets.end() ? 0 : it->second;
}

Opsets read_opsets(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>& imports,
                   const std::string& what) {
  Opsets opsets;
  for (const auto& import : imports) {
    if (import.version() < 1) {
      throw Error(Code::kInvalidModel,
                  fmt::format("{}: it imports version {} of '{}'", what, import.version(), import.domain()));
    }
    opsets[domain_of(import.domain())] = import.version();
  }
  const auto it = opsets.find("");
  if (it != opsets.end() && it->second > kNewestOpset) {
    throw Error(Code::kUnsupported,
                fmt::format("{}: it has opset {}; up to {} are supported: export it again with an older one", what,
                            it->second, kNewestOpset));
  }
  return opsets;
}

Functions read_functions(const ::onnx::ModelProto& model, BodyReader& bodies, const std::string& what) {
  Functions functions;
  for (const ::onnx::FunctionProto& proto : model.functions()) {
    const std::string key = joined_key(proto.domain(), proto.name(), values_of(proto, kFunctionOverload));
    const std::string here = fmt::format("{}, function '{}'", what, key);
    Function function{bodies.read_function(proto, here), read_opsets(proto.opset_import(), here), {}};
    for (const std::string& bytes : values_of(proto, kFunctionDefaults)) {
      ::onnx::AttributeProto attribute;
      if (!attribute.ParseFromString(bytes)) {
        throw Error(Code::kInvalidModel, fmt::format("{}: an attribute's default is damaged", here));
      }
      function.defaults.push_back(std::move(attribute));
    }
    if (!functions.emplace(key, std::move(function)).second) {
      throw Error(Code::kInvalidModel, fmt::format("{}: it is defined twice", here));
    }
  }
  return functions;
}

}  // namespace mho::onnx
