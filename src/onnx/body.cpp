// Finds every tensor's source and puts nodes in order, through subgraphs.
#include "onnx/body.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>

#include "kernels/limit_names.h"

namespace mho::onnx {

using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

namespace {

[[noreturn]] void invalid(const std::string& what, const std::string& reason) {
  throw Error(Code::kInvalidModel, fmt::format("{}: {}", what, reason));
}

std::string describe(const NodeProto& node) { return fmt::format("{} node '{}'", node.op_type(), name_of(node)); }

/// Where every tensor of a body comes from: -1 for inputs and initializers, else the node's index.
using Sources = std::unordered_map<std::string, std::ptrdiff_t>;

Sources find_sources(const Body& body, const google::protobuf::RepeatedPtrField<NodeProto>& nodes,
                     const std::string& what) {
  Sources sources;
  for (const std::string& input : body.inputs) {
    if (!sources.emplace(input, -1).second) invalid(what, fmt::format("two inputs are called '{}'", input));
  }
  for (const auto& [name, constant] : body.initializers) sources.emplace(name, -1);
  for (int n = 0; n < nodes.size(); ++n) {
    for (const std::string& output : nodes[n].output()) {
      if (output.empty() || sources.emplace(output, n).second) continue;
      invalid(what, fmt::format("{} makes '{}', which already has a source", describe(nodes[n]), output));
    }
  }
  return sources;
}

}  // namespace

const std::string& name_of(const NodeProto& node) {
  return node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
}

Body BodyReader::read_graph(const GraphProto& graph, const std::string& what) { return read(graph, what, false); }

Body BodyReader::read_function(const ::onnx::FunctionProto& function, const std::string& what) {
  Body body;
  body.inputs.assign(function.input().begin(), function.input().end());
  body.outputs.assign(function.output().begin(), function.output().end());
  order(body, function.node(), what, false);
  return body;
}

Body BodyReader::read(const GraphProto& graph, const std::string& what, bool nested) {
  if (graph.sparse_initializer_size() > 0) {
    throw Error(Code::kUnsupported, fmt::format("{}: sparse initializers are not supported", what));
  }
  Body body;
  for (const auto& tensor : graph.initializer()) {
    const bool is_new =
        body.initializers.emplace(tensor.name(), tensors_.read(tensor, fmt::format("initializer '{}'", tensor.name())))
            .second;
    body.initializer_types.emplace(tensor.name(), tensor.data_type());
    if (!is_new) invalid(what, fmt::format("two initializers are called '{}'", tensor.name()));
  }
  for (const auto& input : graph.input()) {
    if (!body.initializers.contains(input.name())) body.inputs.push_back(input.name());
  }
  for (const auto& output : graph.output()) body.outputs.push_back(output.name());
  order(body, graph.node(), what, nested);
  return body;
}

std::vector<std::string> BodyReader::reads(const NodeProto& node, const std::string& what) {
  std::vector<std::string> names;
  std::ranges::copy_if(node.input(), std::back_inserter(names), [](const std::string& name) { return !name.empty(); });
  const auto add = [&](const GraphProto& graph) {
    const Body& body =
        subgraphs_.emplace(&graph, read(graph, fmt::format("{}, in {}", what, describe(node)), true)).first->second;
    names.insert(names.end(), body.captures.begin(), body.captures.end());
  };
  for (const AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) add(attribute.g());
    for (const GraphProto& graph : attribute.graphs()) add(graph);
  }
  return names;
}

void BodyReader::order(Body& body, const Nodes& nodes, const std::string& what, bool nested) {
  nodes_ += nodes.size();
  if (nodes_ > limits_.nodes) {
    throw kernels::over_limit(fmt::format("{}: it has {} nodes", what, nodes_), limits_.nodes, kernels::kNodeLimit);
  }
  const Sources sources = find_sources(body, nodes, what);
  std::vector<std::vector<std::string>> read_by;
  for (const NodeProto& node : nodes) read_by.push_back(reads(node, what));

  // The source of a tensor; -1 for what no node of this body makes.
  const auto source_of = [&](const std::string& tensor, const auto& reader) -> std::ptrdiff_t {
    const auto it = sources.find(tensor);
    if (it != sources.end()) return it->second;
    if (!nested) invalid(what, fmt::format("{} needs '{}', which nothing makes", reader(), tensor));
    body.captures.insert(tensor);
    return -1;
  };
  enum class Mark : unsigned char { kNew, kOpen, kDone };
  std::vector<Mark> marks(read_by.size(), Mark::kNew);
  std::vector<bool> needed(marks.size(), false);
  struct Visit {
    std::size_t node;
    std::size_t next = 0;
  };
  std::vector<std::size_t> ordered;
  // Depth first without recursion: the depth is up to the file.
  const auto visit = [&](std::size_t root) {
    if (marks[root] == Mark::kDone) return;
    std::vector<Visit> stack{{root}};
    marks[root] = Mark::kOpen;
    while (!stack.empty()) {
      Visit& top = stack.back();
      const std::size_t n = top.node;
      if (top.next == read_by[n].size()) {
        marks[n] = Mark::kDone;
        ordered.push_back(n);
        stack.pop_back();
        continue;
      }
      const std::string& input = read_by[n][top.next++];
      const std::ptrdiff_t source = source_of(input, [&] { return describe(nodes[static_cast<int>(n)]); });
      if (source < 0) continue;
      const auto s = static_cast<std::size_t>(source);
      if (marks[s] == Mark::kOpen) {
        invalid(what, fmt::format("{} is part of a cycle", describe(nodes[static_cast<int>(s)])));
      }
      if (marks[s] == Mark::kNew) {
        marks[s] = Mark::kOpen;
        stack.push_back({s});
      }
    }
  };
  for (const std::string& output : body.outputs) {
    const std::ptrdiff_t source = source_of(output, [] { return "the list of outputs"; });
    if (source >= 0) visit(static_cast<std::size_t>(source));
  }
  for (const std::size_t n : ordered) needed[n] = true;
  // A damaged part is an error even where no output needs it.
  for (std::size_t n = 0; n < marks.size(); ++n) visit(n);

  std::vector<std::size_t> live;
  std::ranges::copy_if(ordered, std::back_inserter(live), [&](std::size_t n) { return needed[n]; });
  const bool sorted_file = std::ranges::all_of(live, [&](std::size_t n) {
    return std::ranges::all_of(read_by[n], [&](const std::string& input) {
      const auto it = sources.find(input);
      return it == sources.end() || it->second < static_cast<std::ptrdiff_t>(n);
    });
  });
  if (sorted_file) std::ranges::sort(live);
  for (const std::size_t n : live) body.nodes.push_back(&nodes[static_cast<int>(n)]);
}

}  // namespace mho::onnx
