// Runs a graph node by node in double precision and keeps every value: what rewritten graphs and Plans must agree with.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "graph/graph.h"

namespace mho::testing {

class Interpreter {
 public:
  using Values = std::vector<double>;

  /// Evaluates every node that depends on `feeds` and constants only. The graph must live as long as this.
  Interpreter(const graph::Graph& graph, const std::map<graph::ValueId, Values>& feeds);

  [[nodiscard]] bool has(graph::ValueId id) const { return known_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] Values value(graph::ValueId id) const;
  /// d (sum of cotangents * values of the seeds) / d (each of `wanted`).
  [[nodiscard]] std::vector<Values> gradients(const std::map<graph::ValueId, Values>& seeds,
                                              const std::vector<graph::ValueId>& wanted);

 private:
  [[nodiscard]] kernels::Tensor view(Array& array) const;
  [[nodiscard]] Array zeros(const kernels::TensorType& type) const;

  const graph::Graph& graph_;
  std::unique_ptr<kernels::Device> device_ = kernels::make_reference_device();
  kernels::Scratch scratch_;
  std::vector<Array> arrays_;  // by value id
  std::vector<bool> known_;
  std::vector<std::vector<Array>> saved_;  // by node
};

/// The graph's inputs with one vector each.
[[nodiscard]] std::map<graph::ValueId, std::vector<double>> feed(const std::vector<graph::ValueId>& ids,
                                                                 const std::vector<std::vector<double>>& values);

/// Largest |a - b|; infinite where the sizes differ or only one of two elements is NaN.
[[nodiscard]] double distance(const std::vector<double>& a, const std::vector<double>& b);
[[nodiscard]] double largest(const std::vector<double>& values);

}  // namespace mho::testing
