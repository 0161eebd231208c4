// What a loaded Model holds, and how user arrays become examples.
#pragma once

#include <mho/model.h>

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/network.h"

namespace mho {

struct Model::Impl {
  std::shared_ptr<const onnx::Model> onnx;
  ModelOptions options;
  std::shared_ptr<kernels::Device> device;
  std::shared_ptr<const Impl> single;  ///< of a model in bfloat16: the same in float32, to compare with

  /// The network for these example shapes; made once and kept while it is among the last few.
  [[nodiscard]] std::shared_ptr<const engine::Network> network(const engine::ExampleShapes& shapes) const;

  mutable std::mutex mutex;
  /// The last ones used, the very last in front.
  mutable std::list<std::pair<std::string, std::shared_ptr<const engine::Network>>> networks;
};

namespace attribution {

/// Checked inputs: one array per model input, in the device's types.
struct Examples {
  engine::ExampleShapes shapes;
  std::map<std::string, Array, std::less<>> arrays;
  std::int64_t count = 1;

  /// The part of input `name` that belongs to `example`, with its example shape.
  [[nodiscard]] Array example(const std::string& name, std::int64_t index) const;
};

/// Throws Error(kNumeric) naming `what` and the element.
void check_finite(const std::string& what, const Array& array);
/// Throws Error(kInvalidArgument) naming the input where names, ranks, extents, counts or values (NaN) are wrong.
[[nodiscard]] Examples prepare_inputs(const Model::Impl& model, const Inputs& inputs);
/// The network for these examples. Where the model cannot be lowered otherwise, integer inputs that all examples share
/// become part of it: they are moved to `examples.shapes.fixed`. Throws Error as Network::graph.
[[nodiscard]] std::shared_ptr<const engine::Network> network_of(const Model::Impl& model, Examples& examples);
/// Whether the leading axis of this input counts examples.
[[nodiscard]] bool has_example_axis(const Model::Impl& model, const onnx::PortInfo& port);
/// Example shapes from what the model declares; open extents are 1 unless `given` has the shape.
[[nodiscard]] engine::ExampleShapes declared_shapes(const Model::Impl& model,
                                                    const std::map<std::string, Shape, std::less<>>& given);

}  // namespace attribution
}  // namespace mho
