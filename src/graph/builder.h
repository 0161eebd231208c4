// Builds a graph and folds constants while doing so: shape arithmetic never becomes nodes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace mho::graph {

/// What a graph may cost while it is built: constants that a model computes (ConstantOfShape, Expand, products of
/// weights, …) and nodes (recurrences are unrolled). A small file must not take all memory or hours.
struct BuildLimits {
  std::int64_t elements = std::int64_t{1} << 28;        ///< of one constant
  std::int64_t total_elements = std::int64_t{1} << 29;  ///< of all of them
  double operations = 1e11;                             ///< of all of them: Primitive::flops
  std::int64_t nodes = 4'000'000;                       ///< of the graph, and constants that were folded
};

class Builder {
 public:
  explicit Builder(const BuildLimits& limits = {});
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  ValueId input(std::string name, TensorType type);
  ValueId constant(Constant constant, std::string name = {});
  ValueId scalar(double value);                            ///< real, shape []
  ValueId reals(Shape shape, std::vector<double> values);  ///< f64 constant
  ValueId integers(Shape shape, std::vector<std::int64_t> values);
  /// Applies a primitive. If all inputs are constants it is evaluated at once, in double precision, and the result is
  /// a constant (kept as f32 where that is exact). Throws Error(kLimit) where that exceeds the limits.
  std::vector<ValueId> apply(PrimitivePtr primitive, std::vector<ValueId> inputs);
  /// The same for primitives with one output.
  ValueId apply1(PrimitivePtr primitive, std::vector<ValueId> inputs);
  /// ONNX node that the following nodes come from.
  void set_origin(std::string name, std::string type);

  [[nodiscard]] const TensorType& type(ValueId id) const { return graph_.value(id).type; }
  [[nodiscard]] bool is_constant(ValueId id) const { return graph_.is_constant(id); }
  /// The elements of a constant, any dtype, as integers or doubles. Empty optional if it is not a constant.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers_of(ValueId id) const;
  [[nodiscard]] std::optional<std::vector<double>> reals_of(ValueId id) const;
  void set_name(ValueId id, const std::string& name) { graph_.set_name(id, name); }
  void mark_output(ValueId id) { graph_.mark_output(id); }
  Graph finish() &&;

 private:
  /// Throws Error(kLimit) if constants of these types, made by `maker`, are too large.
  void charge(std::string_view maker, std::span<const TensorType> types, double operations);

  Graph graph_;
  BuildLimits limits_;
  std::int64_t applied_ = 0;
  std::int64_t total_elements_ = 0;
  double operations_ = 0;
  std::string origin_name_;
  std::string origin_type_;
  std::unique_ptr<kernels::Device> device_;  // evaluates constants
};

}  // namespace mho::graph
