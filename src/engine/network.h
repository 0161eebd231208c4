// A model specialised to given example shapes: its graph at any micro-batch size, and whether that is allowed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "onnx/model.h"

namespace mho::engine {

using graph::Graph;
using graph::ValueId;

/// The shape of every input for one example, and which inputs have an example axis in front.
struct ExampleShapes {
  std::map<std::string, Shape, std::less<>> shapes;
  std::map<std::string, bool, std::less<>> batched;
};

/// Whether several examples can be evaluated in one run, and why.
struct Batching {
  bool allowed = false;
  std::string reason;
};

/// True where `whole` is `one` with the leading extent multiplied by `batch`: slot b is a contiguous chunk.
[[nodiscard]] bool scales_with_batch(const Shape& one, const Shape& whole, std::int64_t batch);

class Network {
 public:
  Network(std::shared_ptr<const onnx::Model> model, ExampleShapes shapes, std::shared_ptr<kernels::Device> device);

  [[nodiscard]] const ExampleShapes& shapes() const { return shapes_; }
  [[nodiscard]] const std::shared_ptr<kernels::Device>& device() const { return device_; }
  /// The graph for `batch` examples at once. Throws what Model::specialize throws.
  [[nodiscard]] std::shared_ptr<const Graph> graph(std::int64_t batch) const;
  /// Decided once: two specialisations are compared (every input, output and named tensor that scales must scale on
  /// its leading axis alone) and a probe of random inputs must give the same outputs as one by one.
  [[nodiscard]] const Batching& batching() const;
  /// Whether the named tensor scales with the batch on its leading axis.
  [[nodiscard]] bool scales(const std::string& name) const;

 private:
  [[nodiscard]] Batching decide() const;
  [[nodiscard]] std::string probe(std::int64_t batch) const;

  std::shared_ptr<const onnx::Model> model_;
  ExampleShapes shapes_;
  std::shared_ptr<kernels::Device> device_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, std::shared_ptr<const Graph>> graphs_;
  mutable std::once_flag decided_;
  mutable Batching batching_;
};

}  // namespace mho::engine
