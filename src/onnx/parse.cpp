// From bytes to a checked ONNX graph: every tensor has one source, nodes are in order, operators are known.
#include "onnx/parse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/stubs/logging.h>
#include <mho/error.h>

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>

#include "onnx/lowering.h"
#include "onnx/tensor_data.h"

namespace mho::onnx {

namespace {

using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;

constexpr std::int64_t kOldestIr = 3;
/// Versions of ai.onnx whose operator definitions the lowerings were written from.
constexpr std::int64_t kNewestOpset = 28;

[[noreturn]] void invalid(const std::string& what, const std::string& reason) {
  throw Error(Code::kInvalidModel, fmt::format("{}: {}", what, reason));
}

std::shared_ptr<const ModelProto> decode(std::span<const std::byte> bytes, const std::string& what) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(Code::kLimit, fmt::format("{}: {} bytes are more than an ONNX file can have (2 GiB); larger models "
                                          "keep their weights in external data files",
                                          what, bytes.size()));
  }
  const google::protobuf::LogSilencer quiet;
  auto proto = std::make_shared<ModelProto>();
  if (!proto->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !proto->has_graph()) {
    invalid(what, "it is not an ONNX model, or truncated, or damaged");
  }
  return proto;
}

void read_versions(ParsedModel& model, const std::string& what) {
  const ModelProto& proto = *model.proto;
  if (proto.ir_version() < kOldestIr) {
    throw Error(Code::kUnsupported, fmt::format("{}: it has IR version {}; {} and later are supported", what,
                                                proto.ir_version(), kOldestIr));
  }
  for (const auto& import : proto.opset_import()) {
    const std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    if (import.version() < 1) {
      invalid(what, fmt::format("it imports version {} of '{}'", import.version(), import.domain()));
    }
    model.opsets[domain] = import.version();
  }
  const auto it = model.opsets.find("");
  if (it != model.opsets.end() && it->second > kNewestOpset) {
    throw Error(Code::kUnsupported,
                fmt::format("{}: it has opset {}; up to {} are supported: export it again with an older one", what,
                            it->second, kNewestOpset));
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

/// Where every tensor comes from: -1 for inputs and initializers, else the node's index.
std::unordered_map<std::string, std::ptrdiff_t> find_sources(const ParsedModel& model, const GraphProto& graph,
                                                             const std::string& what) {
  std::unordered_map<std::string, std::ptrdiff_t> sources;
  for (const PortInfo& input : model.inputs) {
    if (!sources.emplace(input.name, -1).second) invalid(what, fmt::format("two inputs are called '{}'", input.name));
  }
  for (const auto& [name, constant] : model.initializers) sources.emplace(name, -1);
  for (int n = 0; n < graph.node_size(); ++n) {
    for (const std::string& output : graph.node(n).output()) {
      if (output.empty()) continue;
      if (!sources.emplace(output, n).second) {
        invalid(what, fmt::format("{} node '{}' makes '{}', which already has a source", graph.node(n).op_type(),
                                  name_of(graph.node(n)), output));
      }
    }
  }
  return sources;
}

/// The nodes that the outputs depend on, inputs before users, otherwise in the file's order.
void order_nodes(ParsedModel& model, const std::string& what) {
  const GraphProto& graph = model.proto->graph();
  const auto sources = find_sources(model, graph, what);
  enum class Mark : unsigned char { kNew, kOpen, kDone };
  std::vector<Mark> marks(static_cast<std::size_t>(graph.node_size()), Mark::kNew);
  std::vector<bool> needed(marks.size(), false);
  const auto source_of = [&](const std::string& tensor, const std::string& reader) {
    const auto it = sources.find(tensor);
    if (it == sources.end()) invalid(what, fmt::format("{} needs '{}', which nothing makes", reader, tensor));
    return it->second;
  };
  const auto describe = [&](std::size_t n) {
    const NodeProto& node = graph.node(static_cast<int>(n));
    return fmt::format("{} node '{}'", node.op_type(), name_of(node));
  };
  struct Visit {
    std::size_t node;
    int next = 0;
  };
  std::vector<std::size_t> order;
  // Depth first without recursion: the depth is up to the file.
  const auto visit = [&](std::size_t root) {
    if (marks[root] == Mark::kDone) return;
    std::vector<Visit> stack{{root}};
    marks[root] = Mark::kOpen;
    while (!stack.empty()) {
      Visit& top = stack.back();
      const NodeProto& node = graph.node(static_cast<int>(top.node));
      if (top.next == node.input_size()) {
        marks[top.node] = Mark::kDone;
        order.push_back(top.node);
        stack.pop_back();
        continue;
      }
      const std::string& input = node.input(top.next++);
      if (input.empty()) continue;
      const std::ptrdiff_t source = source_of(input, describe(top.node));
      if (source < 0) continue;
      const auto s = static_cast<std::size_t>(source);
      if (marks[s] == Mark::kOpen) invalid(what, fmt::format("{} is part of a cycle", describe(s)));
      if (marks[s] == Mark::kNew) {
        marks[s] = Mark::kOpen;
        stack.push_back({s});
      }
    }
  };
  for (const PortInfo& output : model.outputs) {
    const std::ptrdiff_t source = source_of(output.name, "the model's output list");
    if (source >= 0) visit(static_cast<std::size_t>(source));
  }
  for (const std::size_t n : order) needed[n] = true;
  // A damaged part is an error even where no output needs it.
  for (std::size_t n = 0; n < marks.size(); ++n) visit(n);
  std::vector<std::size_t> live;
  std::ranges::copy_if(order, std::back_inserter(live), [&](std::size_t n) { return needed[n]; });
  const bool sorted_file = [&] {
    for (int n = 0; n < graph.node_size(); ++n) {
      if (!needed[static_cast<std::size_t>(n)]) continue;
      for (const std::string& input : graph.node(n).input()) {
        if (!input.empty() && sources.at(input) >= n) return false;
      }
    }
    return true;
  }();
  if (sorted_file) std::ranges::sort(live);
  for (const std::size_t n : live) model.nodes.push_back(&graph.node(static_cast<int>(n)));
}

/// All unknown operators at once, so that one look tells whether the model can be made to work.
void check_operators(const ParsedModel& model, const std::string& what) {
  std::map<std::string, std::pair<std::string, int>> unknown;
  for (const NodeProto* node : model.nodes) {
    const std::int64_t opset = opset_of(model, *node);
    if (opset == 0) {
      invalid(what, fmt::format("{} node '{}' is of the domain '{}', which the model does not import", node->op_type(),
                                name_of(*node), node->domain()));
    }
    if (find_operator(node->domain(), node->op_type(), opset) != nullptr) continue;
    const std::string type = node->domain().empty() ? fmt::format("{} (opset {})", node->op_type(), opset)
                                                    : fmt::format("{}:{}", node->domain(), node->op_type());
    auto& [name, count] = unknown[type];
    if (count++ == 0) name = name_of(*node);
  }
  if (unknown.empty()) return;
  std::vector<std::string> lines;
  for (const auto& [type, where] : unknown) {
    lines.push_back(where.second == 1 ? fmt::format("{} (node '{}')", type, where.first)
                                      : fmt::format("{} ({} nodes, first '{}')", type, where.second, where.first));
  }
  throw Error(Code::kUnsupported, fmt::format("{}: unsupported operators: {}; `mho ops` lists the {} supported ones",
                                              what, fmt::join(lines, ", "), supported_operators().size()));
}

/// Before opset 7 training mode was the default; only inference is accepted.
void check_old_attributes(const ParsedModel& model, const std::string& what) {
  const auto it = model.opsets.find("");
  if (it == model.opsets.end() || it->second >= 7) return;
  for (const NodeProto* node : model.nodes) {
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

const std::string& name_of(const NodeProto& node) {
  return node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
}

std::int64_t opset_of(const ParsedModel& model, const NodeProto& node) {
  const std::string domain = node.domain() == "ai.onnx" ? "" : node.domain();
  const auto it = model.opsets.find(domain);
  return it == model.opsets.end() ? 0 : it->second;
}

ParsedModel parse(std::span<const std::byte> bytes, const std::filesystem::path& directory, const LoadLimits& limits,
                  const std::string& what) {
  ParsedModel model;
  model.proto = decode(bytes, what);
  read_versions(model, what);
  const GraphProto& graph = model.proto->graph();
  if (graph.node_size() > limits.max_nodes) {
    throw Error(Code::kLimit,
                fmt::format("{}: {} nodes are more than the limit of {}", what, graph.node_size(), limits.max_nodes));
  }
  if (graph.sparse_initializer_size() > 0) {
    throw Error(Code::kUnsupported, fmt::format("{}: sparse initializers are not supported", what));
  }
  std::set<std::string_view> initialized;
  for (const auto& tensor : graph.initializer()) {
    if (!initialized.insert(tensor.name()).second) {
      invalid(what, fmt::format("two initializers are called '{}'", tensor.name()));
    }
  }
  for (const auto& input : graph.input()) {
    if (!initialized.contains(input.name())) model.inputs.push_back(read_port(input, what));
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
  TensorReader reader(model.proto, directory, limits);
  for (const auto& tensor : graph.initializer()) {
    model.initializers.emplace(tensor.name(), reader.read(tensor, fmt::format("initializer '{}'", tensor.name())));
  }
  order_nodes(model, what);
  check_operators(model, what);
  check_old_attributes(model, what);
  return model;
}

}  // namespace mho::onnx
