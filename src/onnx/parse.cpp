// From bytes to a checked ONNX graph: every tensor has one source, nodes are in order, operators are known.
#include "onnx/parse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <mho/error.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "kernels/limit_names.h"
#include "onnx/decoded_size.h"
#include "onnx/lowering.h"
#include "onnx/tensor_data.h"

namespace mho::onnx {

namespace {

using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;

constexpr std::int64_t kOldestIr = 3;
constexpr std::int64_t kMostElements = std::int64_t{1} << 38;
constexpr std::int64_t kMostNesting = 256;  // every level takes stack

[[noreturn]] void invalid(const std::string& what, const std::string& reason) {
  throw Error(Code::kInvalidModel, fmt::format("{}: {}", what, reason));
}

void check(const Limits& limits) {
  const auto require = [](bool fits, const kernels::LimitName& name, std::int64_t value, const char* range) {
    if (fits) return;
    throw Error(Code::kInvalidArgument,
                fmt::format("the limit {} ({}) is {}; it must be {}", name.field, name.flag, value, range));
  };
  // Sums of extents and of bytes stay far from the ends of int64.
  require(limits.tensor_elements >= 1 && limits.tensor_elements <= kMostElements, kernels::kTensorLimit,
          limits.tensor_elements, "1 to 2^38");
  for (const auto& [value, name] : {std::pair{limits.nodes, kernels::kNodeLimit},
                                    {limits.unrolled_nodes, kernels::kUnrolledLimit},
                                    {limits.primitives, kernels::kPrimitiveLimit},
                                    {limits.constant_elements, kernels::kConstantLimit},
                                    {limits.work, kernels::kWorkLimit}}) {
    require(value >= 1, name, value, "1 or more");
  }
  require(limits.nesting >= 1 && limits.nesting <= kMostNesting, kernels::kNestingLimit, limits.nesting, "1 to 256");
  require(limits.memory >= 0, kernels::kMemoryLimit, limits.memory, "0 (what the machine has) or more");
}

/// Messages in messages that `nesting` subgraphs in each other make: model, graph, node, attribute, graph, …, and four
/// more inside the innermost node.
constexpr int messages_deep(std::int64_t nesting) { return static_cast<int>(3 * nesting) + 8; }

std::shared_ptr<const ModelProto> decode(std::span<const std::byte> bytes, const Limits& limits,
                                         kernels::MemoryShare& memory, const std::string& what) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(Code::kLimit, fmt::format("{}: {} bytes are more than an ONNX file can have (2 GiB); larger models "
                                          "keep their weights in external data files",
                                          what, bytes.size()));
  }
  const google::protobuf::LogSilencer quiet;
  const int deepest = messages_deep(limits.nesting);
  const DecodedSize size = decoded_size(bytes, *ModelProto::descriptor(), deepest);
  if (size.depth > deepest) {
    throw kernels::over_limit(fmt::format("{}: its subgraphs nest {} deep or more", what, limits.nesting + 1),
                              limits.nesting, kernels::kNestingLimit);
  }
  memory.take(size.bytes, what);
  auto proto = std::make_shared<ModelProto>();
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  input.SetRecursionLimit(deepest);
  if (!proto->ParseFromCodedStream(&input) || !input.ConsumedEntireMessage() || !proto->has_graph()) {
    invalid(what, "it is not an ONNX model, or truncated, or damaged");
  }
  return proto;
}

void check_ir_version(const ModelProto& proto, const std::string& what) {
  if (proto.ir_version() < kOldestIr) {
    throw Error(Code::kUnsupported, fmt::format("{}: it has IR version {}; {} and later are supported", what,
                                                proto.ir_version(), kOldestIr));
  }
}

PortInfo read_port(const ::onnx::ValueInfoProto& info, const std::string& what) {
  PortInfo port;
  port.name = info.name();
  if (!info.has_type()) invalid(what, fmt::format("'{}' declares no type", port.name));
  if (!info.type().has_tensor_type()) {
    throw Error(
        Code::kUnsupported,
        fmt::format("{}: '{}' is not a tensor; sequences, maps and optionals are not supported", what, port.name));
  }
  const auto& type = info.type().tensor_type();
  port.element_type = type.elem_type();
  port.onnx_type = onnx_type_name(type.elem_type());
  port.dtype = dtype_of(type.elem_type(), fmt::format("'{}'", port.name));
  port.has_shape = type.has_shape();
  for (const auto& d : type.shape().dim()) {
    Dimension dimension;
    // Some exporters write -1 for an open extent.
    if (d.has_dim_value() && d.dim_value() != -1) {
      if (d.dim_value() < 0) invalid(what, fmt::format("'{}' declares the extent {}", port.name, d.dim_value()));
      dimension.extent = d.dim_value();
    } else {
      dimension.symbol = d.dim_param();
    }
    port.shape.push_back(std::move(dimension));
  }
  return port;
}

/// Operators that cannot be lowered, as messages name them, with the first node and how many there are.
class UnknownOperators {
 public:
  UnknownOperators(const ParsedModel& model, std::int64_t most_nested, const std::string& what)
      : model_(model), most_nested_(most_nested), what_(what) {}

  /// Those of a body and of what it runs for certain. Which branch an If takes shows when it is lowered.
  void collect(const Body& body, const Opsets& opsets, int depth = 0) {
    if (depth > most_nested_) {
      throw kernels::over_limit(fmt::format("{}: its functions and subgraphs nest {} deep or more", what_, depth),
                                most_nested_, kernels::kNestingLimit);
    }
    for (const NodeProto* node : body.nodes) {
      const std::int64_t opset = opset_of(opsets, *node);
      if (const Function* function = function_of(model_.functions, *node, opset)) {
        if (seen_.insert(function).second) collect(function->body, function->opsets, depth + 1);
        continue;
      }
      if (opset == 0) {
        invalid(what_, fmt::format("{} node '{}' is of the domain '{}', which the model does not import",
                                   node->op_type(), name_of(*node), node->domain()));
      }
      if (find_operator(node->domain(), node->op_type(), opset) == nullptr) add(*node, opset);
      if (node->op_type() == "If") continue;
      for (const auto& attribute : node->attribute()) {
        if (attribute.has_g()) collect(model_.subgraphs.at(&attribute.g()), opsets, depth + 1);
      }
    }
  }

  /// All at once, so that one look tells whether the model can be made to work.
  void refuse() const {
    if (unknown_.empty()) return;
    std::vector<std::string> lines;
    for (const auto& [type, where] : unknown_) {
      lines.push_back(where.second == 1 ? fmt::format("{} (node '{}')", type, where.first)
                                        : fmt::format("{} ({} nodes, first '{}')", type, where.second, where.first));
    }
    throw Error(Code::kUnsupported, fmt::format("{}: unsupported operators: {}; `mho ops` lists the {} supported ones",
                                                what_, fmt::join(lines, ", "), supported_operators().size()));
  }

 private:
  void add(const NodeProto& node, std::int64_t opset) {
    const std::string type = node.domain().empty() ? fmt::format("{} (opset {})", node.op_type(), opset)
                                                   : fmt::format("{}:{}", node.domain(), node.op_type());
    auto& [name, count] = unknown_[type];
    if (count++ == 0) name = name_of(node);
  }

  const ParsedModel& model_;
  std::int64_t most_nested_;
  const std::string& what_;
  std::map<std::string, std::pair<std::string, int>> unknown_;
  std::set<const Function*> seen_;
};

/// Before opset 7 training mode was the default; only inference is accepted.
void check_old_attributes(const ParsedModel& model, const std::string& what) {
  const auto it = model.opsets.find("");
  if (it == model.opsets.end() || it->second >= 7) return;
  for (const NodeProto* node : model.graph.nodes) {
    if (node->op_type() != "BatchNormalization" && node->op_type() != "Dropout") continue;
    const bool is_test = std::ranges::any_of(
        node->attribute(), [](const auto& attribute) { return attribute.name() == "is_test" && attribute.i() != 0; });
    if (is_test) continue;
    throw Error(Code::kUnsupported,
                fmt::format("{}: {} node '{}' of opset {} is in training mode; convert the model to opset 7 or later "
                            "(onnx.version_converter)",
                            what, node->op_type(), name_of(*node), it->second));
  }
}

}  // namespace

ParsedModel parse(std::span<const std::byte> bytes, const std::filesystem::path& directory, const Limits& limits,
                  const std::shared_ptr<kernels::MemoryMeter>& memory, const std::string& what) {
  check(limits);
  ParsedModel model;
  model.memory = kernels::MemoryShare(memory);
  model.proto = decode(bytes, limits, model.memory, what);
  check_ir_version(*model.proto, what);
  model.opsets = read_opsets(model.proto->opset_import(), what);
  TensorReader reader(model.proto, directory, limits, model.memory);
  BodyReader bodies(reader, limits, model.subgraphs);
  const GraphProto& graph = model.proto->graph();
  model.graph = bodies.read_graph(graph, what);
  model.functions = read_functions(*model.proto, bodies, what);
  for (const auto& input : graph.input()) {
    if (!model.graph.initializers.contains(input.name())) model.inputs.push_back(read_port(input, what));
  }
  for (const auto& output : graph.output()) {
    // Outputs may leave their type open: it follows from the inputs.
    if (output.has_type()) {
      model.outputs.push_back(read_port(output, what));
    } else {
      PortInfo port;
      port.name = output.name();
      port.has_shape = false;
      model.outputs.push_back(std::move(port));
    }
  }
  if (model.outputs.empty()) invalid(what, "it has no outputs");
  UnknownOperators unknown(model, limits.nesting, what);
  unknown.collect(model.graph, model.opsets);
  unknown.refuse();
  check_old_attributes(model, what);
  return model;
}

}  // namespace mho::onnx
