// A model specialised to given example shapes: its graph at any micro-batch size, and whether that is allowed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/batch_cuts.h"
#include "engine/plan_cache.h"
#include "graph/graph.h"
#include "onnx/model.h"

namespace mho::engine {

using graph::Graph;
using graph::ValueId;

/// The shape of every input for one example, and which inputs have an example axis in front.
struct ExampleShapes {
  std::map<std::string, Shape, std::less<>> shapes;
  std::map<std::string, bool, std::less<>> batched;
  /// Integer inputs that all examples share and that loops, branches or shapes follow from: constants of the network,
  /// in neither of the maps above.
  std::map<std::string, Array, std::less<>> fixed = {};
};

/// Whether several examples can be evaluated in one run, and why.
struct Batching {
  bool allowed = false;
  std::string reason;
};

class Network {
 public:
  /// Whether batches agree with the loop is found out on `probe_device` (null: on `device`): one whose rounding does
  /// not depend on the batch.
  Network(std::shared_ptr<const onnx::Model> model, ExampleShapes shapes, std::shared_ptr<kernels::Device> device,
          std::shared_ptr<kernels::Device> probe_device = nullptr);

  [[nodiscard]] const ExampleShapes& shapes() const { return shapes_; }
  [[nodiscard]] const std::shared_ptr<kernels::Device>& device() const { return device_; }
  /// Devices of one thread each, for Plans that run side by side; empty where there is one thread.
  [[nodiscard]] const std::vector<std::shared_ptr<kernels::Device>>& lanes() const { return lanes_; }
  /// The graph for `batch` examples at once. Throws what Model::specialize throws.
  [[nodiscard]] std::shared_ptr<const Graph> graph(std::int64_t batch) const;
  /// Decided once: two specialisations are compared (one structure, outputs that scale on their leading axis alone),
  /// and every output must be cut by the batch.
  [[nodiscard]] const Batching& batching(Poll* poll = nullptr) const;
  /// Plans for graph() of any batch size.
  [[nodiscard]] const PlanCache& plans() const { return plans_; }
  /// For each of `values` (ids of graph(1), which the graphs of all batch sizes share) whether the batch cuts it: chunk
  /// b of its leading axis is what example b alone gives. Where the nodes in front do not tell (surely_cut), it is
  /// found out with random inputs, once for each value, for shapes do not tell [N * T, D] from [T * N, D]. All false
  /// where batching is impossible anyway.
  [[nodiscard]] std::vector<bool> cut_by_batch(std::span<const ValueId> values, Poll* poll = nullptr) const;
  [[nodiscard]] bool cut_by_batch(ValueId value) const { return cut_by_batch(std::span(&value, 1)).front(); }

 private:
  [[nodiscard]] Batching decide(Poll* poll) const;
  /// Why no batch can be run at all; empty if there is no reason.
  [[nodiscard]] std::string obstacle() const;
  /// Runs the values for random examples at once and one by one; true where the chunks agree.
  [[nodiscard]] std::vector<bool> probe(const std::vector<ValueId>& values, Poll* poll) const;
  [[nodiscard]] std::vector<bool> probe(const std::vector<ValueId>& values, double largest_integer, Poll* poll) const;

  std::shared_ptr<const onnx::Model> model_;
  ExampleShapes shapes_;
  std::shared_ptr<kernels::Device> device_;
  std::vector<std::shared_ptr<kernels::Device>> lanes_;
  std::shared_ptr<kernels::Device> probe_device_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, std::shared_ptr<const Graph>> graphs_;
  PlanCache plans_;
  mutable std::once_flag decided_;
  mutable Batching batching_;
  mutable std::mutex cuts_mutex_;
  mutable std::map<ValueId, bool> cuts_;
};

}  // namespace mho::engine
