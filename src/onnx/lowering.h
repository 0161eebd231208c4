// What a lowering sees: one ONNX node, its inputs as graph values, and the builder it writes primitives to.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/builder.h"
#include "primitives/primitives.h"

namespace mho::onnx {

using graph::Builder;
using graph::kNoValue;
using graph::ValueId;

/// Read access to a node's attributes, typed and with defaults. Throws Error(kInvalidModel) on a wrong type.
class Attributes {
 public:
  virtual ~Attributes() = default;
  [[nodiscard]] virtual bool has(std::string_view name) const = 0;
  [[nodiscard]] virtual std::int64_t integer(std::string_view name, std::int64_t otherwise) const = 0;
  [[nodiscard]] virtual double real(std::string_view name, double otherwise) const = 0;
  [[nodiscard]] virtual std::string string(std::string_view name, std::string otherwise) const = 0;
  [[nodiscard]] virtual std::optional<std::vector<std::int64_t>> integers(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::vector<double>> reals(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::vector<std::string>> strings(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<kernels::Constant> tensor(std::string_view name) const = 0;
};

/// The subgraphs of a node: branches of If, bodies of Loop and Scan.
class Subgraphs {
 public:
  virtual ~Subgraphs() = default;
  /// How many inputs and outputs the graph in attribute `name` has. Throws Error(kInvalidModel) if there is none.
  struct Arity {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
  };
  [[nodiscard]] virtual Arity arity(std::string_view name) const = 0;
  /// Lowers that graph for these inputs, one per formal input, and returns its outputs. Its tensors keep their names,
  /// with `<node>/<run>/` in front unless `run` is empty. Throws Error; kLimit where runs add up to too many nodes.
  virtual std::vector<ValueId> lower(std::string_view name, std::span<const ValueId> inputs, std::string_view run) = 0;
};

/// One node being lowered.
struct NodeContext {
  Builder& build;
  const Attributes& attributes;
  Subgraphs& subgraphs;
  std::string_view type;               ///< operator type
  std::string_view domain;             ///< "" is ai.onnx
  std::string_view name;               ///< node name, or the first output's name
  std::int64_t opset;                  ///< version of the operator's domain that the model imports
  std::int64_t batch_scale;            ///< see Model::Specialization
  std::span<const ValueId> inputs;     ///< kNoValue for omitted optional inputs
  std::span<const int> element_types;  ///< see element_type()
  std::size_t output_count;            ///< outputs the node declares (some may have empty names)

  [[nodiscard]] bool has_input(std::size_t i) const { return i < inputs.size() && inputs[i] != kNoValue; }
  /// Throws Error(kInvalidModel) if input i is missing.
  [[nodiscard]] ValueId input(std::size_t i) const;
  [[nodiscard]] const kernels::TensorType& type_of(std::size_t i) const { return build.type(input(i)); }
  [[nodiscard]] const Shape& shape_of(std::size_t i) const { return type_of(i).shape; }
  /// The ONNX element type (TensorProto.DataType) that input i was declared with, or made as: i64 tensors stand for
  /// integers of all widths. 0 where it is not known.
  [[nodiscard]] int element_type(std::size_t i) const { return i < element_types.size() ? element_types[i] : 0; }
  /// Elements of an input that must be constant; throws Error(kUnsupported) naming the input where it is not.
  [[nodiscard]] std::vector<std::int64_t> constant_integers(std::size_t i, std::string_view what) const;
  [[nodiscard]] std::vector<double> constant_reals(std::size_t i, std::string_view what) const;
  /// `axis` brought into [0, rank); throws Error(kInvalidModel) if it is out of range.
  [[nodiscard]] std::int64_t normalized_axis(std::int64_t axis, std::size_t rank) const;
  /// Throws Error with "<type> node '<name>': <message>".
  [[noreturn]] void invalid(const std::string& message) const;
  [[noreturn]] void unsupported(const std::string& message) const;
};

/// Builds the node's outputs from primitives and returns them, one per declared output (kNoValue for those that are
/// optional and not made).
using Lowering = std::vector<ValueId> (*)(const NodeContext&);

/// One row of the registry: an ONNX operator from one opset version on.
struct Operator {
  std::string_view type;
  std::int64_t since;  ///< first version of the domain's operator set that this lowering is right for
  Lowering lowering;
  std::string_view domain = {};  ///< empty: ai.onnx
};

/// The rows of all files in ops/: each defines `std::vector<Operator> <file>_operators()`, and the build finds it there
/// (src/onnx/CMakeLists.txt).
[[nodiscard]] std::span<const Operator> operators();
/// The row with the largest `since` not above `opset`; nullptr if there is none.
[[nodiscard]] const Operator* find_operator(std::string_view domain, std::string_view type, std::int64_t opset);

}  // namespace mho::onnx
