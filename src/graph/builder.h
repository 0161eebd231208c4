// Builds a graph and folds constants while doing so: shape arithmetic never becomes nodes.
#pragma once

#include <mho/limits.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "kernels/memory_meter.h"

namespace mho::graph {

class Builder {
 public:
  /// A small file must not take all memory or hours: of the limits, those on primitives, on constants that a model
  /// computes (ConstantOfShape, Expand, products of weights, …) and on work hold. Their memory is counted on `meter`
  /// (null: nowhere) as long as the graph or a copy of it lives.
  explicit Builder(const Limits& limits = {}, std::shared_ptr<kernels::MemoryMeter> meter = nullptr);
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
  /// Counts steps of work. Throws Error(kLimit).
  void work(std::int64_t steps) const;
  /// For lowerings that write a list of so many elements before it becomes a constant: throws Error(kLimit) where that
  /// would exceed the limits.
  void expect(std::int64_t elements) const;
  /// Where constants that are given to constant() can be counted.
  [[nodiscard]] kernels::MemoryShare& memory() { return *memory_; }
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
  void charge(std::string_view maker, std::span<const TensorType> types);

  Graph graph_;
  Limits limits_;
  std::shared_ptr<kernels::MemoryMeter> meter_;
  std::shared_ptr<kernels::MemoryShare> memory_;
  std::int64_t applied_ = 0;
  std::int64_t total_elements_ = 0;
  mutable std::int64_t work_ = 0;  // looking at a constant's elements is work
  std::string origin_name_;
  std::string origin_type_;
  std::unique_ptr<kernels::Device> device_;  // evaluates constants
};

}  // namespace mho::graph
