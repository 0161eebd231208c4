// Random changes to a well-formed ONNX model.
#include "support/mutate_model.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "onnx/model.h"

namespace mho::testing {

namespace {

using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

class Mutator {
 public:
  explicit Mutator(std::minstd_rand& random) : random_(random) {}

  void change(::onnx::ModelProto& model) {
    if (below(10) == 0) {
      for (auto& import : *model.mutable_opset_import()) import.set_version(1 + below(28));
    } else {
      change(*model.mutable_graph());
    }
  }

 private:
  void change(GraphProto& graph) {
    switch (below(9)) {
      case 0:
        if (graph.input_size() > 0) change(*pick(*graph.mutable_input()));
        break;
      case 1:
      case 2:
        if (graph.initializer_size() > 0) change(*pick(*graph.mutable_initializer()));
        break;
      case 3:
        add_node(graph);
        break;
      case 4:
        if (graph.initializer_size() > 0) to_input(graph);
        break;
      default:
        if (graph.node_size() > 0) change(*pick(*graph.mutable_node()), graph);
        break;
    }
  }

  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  template <class List>
  typename List::value_type* pick(List& list) {
    return list.Mutable(below(list.size()));
  }

  std::int64_t number() {
    static constexpr std::int64_t kSpecial[] = {std::numeric_limits<std::int64_t>::min(),
                                                std::numeric_limits<std::int64_t>::max(),
                                                std::numeric_limits<std::int32_t>::min(),
                                                std::numeric_limits<std::int32_t>::max(),
                                                std::int64_t{1} << 32,
                                                std::int64_t{1} << 62,
                                                65536,
                                                1000};
    return below(4) == 0 ? kSpecial[below(8)] : below(12) - 4;
  }

  double real() {
    static constexpr double kSpecial[] = {
        0, -1, 1e30, 1e-30, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
    return below(3) == 0 ? kSpecial[below(6)] : (below(64) - 16) / 8.0;
  }

  template <class List>
  void change_list(List& list) {
    switch (below(4)) {
      case 0:
        list.Add(number());
        break;
      case 1:
        if (list.size() > 0) list.RemoveLast();
        break;
      default:
        if (list.size() > 0) list.Set(below(list.size()), number());
        break;
    }
  }

  void change(::onnx::ValueInfoProto& info) {
    auto& type = *info.mutable_type()->mutable_tensor_type();
    auto& dims = *type.mutable_shape()->mutable_dim();
    const int choice = below(5);
    if (choice == 0) type.set_elem_type(below(18));
    if (choice == 1) dims.Add()->set_dim_value(1 + below(4));
    if (choice == 2 && !dims.empty()) dims.RemoveLast();
    if (choice > 2 && !dims.empty()) pick(dims)->set_dim_value(below(8) == 0 ? number() : below(9));
  }

  void change(TensorProto& tensor) {
    const int choice = below(6);
    if (choice == 0) tensor.set_data_type(below(18));
    if (choice == 1 && tensor.dims_size() > 0) tensor.set_dims(below(tensor.dims_size()), number());
    if (choice == 2 && tensor.dims_size() > 1) tensor.mutable_dims()->SwapElements(0, tensor.dims_size() - 1);
    if (choice == 3) tensor.add_dims(1);
    if (choice > 3) {
      if (tensor.int64_data_size() > 0) tensor.set_int64_data(below(tensor.int64_data_size()), number());
      if (tensor.float_data_size() > 0) {
        tensor.set_float_data(below(tensor.float_data_size()), static_cast<float>(real()));
      }
      if (tensor.raw_data().size() >= 8) {
        // Little-endian, so the low byte of an integer comes first.
        std::string& raw = *tensor.mutable_raw_data();
        raw[static_cast<std::size_t>(below(static_cast<int>(raw.size()) / 8)) * 8] = static_cast<char>(number());
      }
    }
    if (below(3) == 0) fill(tensor);
  }

  /// Data that fits the shape, so that the tensor is read.
  void fill(TensorProto& tensor) {
    std::int64_t count = 1;
    for (const std::int64_t extent : tensor.dims()) {
      if (extent < 0 || extent > 64 || count > 64) return;
      count *= extent;
    }
    tensor.clear_raw_data();
    tensor.clear_float_data();
    tensor.clear_int64_data();
    for (std::int64_t i = 0; i < count; ++i) {
      if (tensor.data_type() == TensorProto::FLOAT) tensor.add_float_data(static_cast<float>(real()));
      if (tensor.data_type() == TensorProto::INT64) tensor.add_int64_data(below(9) == 0 ? number() : below(5));
    }
  }

  void change(AttributeProto& attribute) {
    if (attribute.type() == AttributeProto::INT) attribute.set_i(number());
    if (attribute.type() == AttributeProto::FLOAT) attribute.set_f(static_cast<float>(real()));
    if (attribute.type() == AttributeProto::INTS) change_list(*attribute.mutable_ints());
    if (attribute.type() == AttributeProto::FLOATS && attribute.floats_size() > 0) {
      attribute.set_floats(below(attribute.floats_size()), static_cast<float>(real()));
    }
    if (attribute.type() == AttributeProto::TENSOR) change(*attribute.mutable_t());
    if (attribute.type() == AttributeProto::GRAPH) change(*attribute.mutable_g());
    if (attribute.type() == AttributeProto::STRING) {
      static constexpr const char* kTexts[] = {"SAME_UPPER", "SAME_LOWER", "VALID",   "NOTSET", "linear",
                                               "cubic",      "nearest",    "reflect", "edge",   "wrap",
                                               "CRD",        "tanh",       "floor",   "ceil",   "constant"};
      attribute.set_s(kTexts[below(15)]);
    }
  }

  void add_attribute(NodeProto& node) {
    static constexpr const char* kIntegers[] = {
        "axis", "keepdims", "group",       "ceil_mode", "blocksize",         "to",
        "k",    "size",     "num_outputs", "allowzero", "count_include_pad", "storage_order"};
    static constexpr const char* kLists[] = {"axes",      "perm", "kernel_shape", "strides", "pads",         "split",
                                             "dilations", "ends", "starts",       "steps",   "output_shape", "shape"};
    AttributeProto& attribute = *node.add_attribute();
    if (below(2) == 0) {
      attribute.set_name(kIntegers[below(12)]);
      attribute.set_type(AttributeProto::INT);
      attribute.set_i(number());
    } else {
      attribute.set_name(kLists[below(12)]);
      attribute.set_type(AttributeProto::INTS);
      for (int i = below(5); i >= 0; --i) attribute.add_ints(number());
    }
  }

  /// A tensor of the graph; sometimes none.
  std::string tensor_name(const GraphProto& graph) {
    std::vector<std::string> names{""};
    for (const auto& input : graph.input()) names.push_back(input.name());
    for (const auto& tensor : graph.initializer()) names.push_back(tensor.name());
    for (const auto& node : graph.node()) names.insert(names.end(), node.output().begin(), node.output().end());
    return names[static_cast<std::size_t>(below(static_cast<int>(names.size())))];
  }

  std::string operator_name() {
    static const std::vector<onnx::OperatorFacts> operators = onnx::supported_operators();
    return operators[static_cast<std::size_t>(below(static_cast<int>(operators.size())))].type;
  }

  void change(NodeProto& node, const GraphProto& graph) {
    switch (below(7)) {
      case 0:
        node.set_op_type(operator_name());
        break;
      case 1:
        add_attribute(node);
        break;
      case 2:
        if (node.input_size() > 0) node.set_input(below(node.input_size()), tensor_name(graph));
        break;
      case 3:
        node.add_input(tensor_name(graph));
        break;
      case 4:
        if (node.input_size() > 0) node.mutable_input()->RemoveLast();
        break;
      default:
        if (node.attribute_size() > 0) change(*pick(*node.mutable_attribute()));
        break;
    }
  }

  /// A node that takes over the output of another, which becomes its input.
  void add_node(GraphProto& graph) {
    if (graph.output_size() == 0 || graph.node_size() > 40) return;
    NodeProto& node = *graph.add_node();
    const std::string name = fmt::format("n{}", graph.node_size());
    node.set_op_type(operator_name());
    for (int i = below(3); i >= 0; --i) node.add_input(tensor_name(graph));
    node.add_output(name);
    graph.mutable_output(0)->set_name(name);
  }

  /// Turns a constant into an input, so that what follows is no longer folded.
  void to_input(GraphProto& graph) {
    const int index = below(graph.initializer_size());
    const TensorProto tensor = graph.initializer(index);
    graph.mutable_initializer()->DeleteSubrange(index, 1);
    auto& info = *graph.add_input();
    info.set_name(tensor.name());
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(tensor.data_type());
    type.mutable_shape();
    for (const std::int64_t extent : tensor.dims()) type.mutable_shape()->add_dim()->set_dim_value(extent);
  }

  std::minstd_rand& random_;
};

}  // namespace

void mutate(::onnx::ModelProto& model, std::minstd_rand& random) {
  Mutator mutator(random);
  for (unsigned i = 1 + random() % 4; i > 0; --i) mutator.change(model);
}

}  // namespace mho::testing
