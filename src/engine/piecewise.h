// The nodes between what moves and a target where every one of them is affine or has kinks only.
#pragma once

#include <memory>
#include <vector>

#include "graph/graph.h"

namespace mho::engine {

/// One node whose outputs move along the path.
struct PiecewiseStep {
  const graph::Node* node = nullptr;
  bool affine = true;                      ///< in the inputs that move; else it has kinks
  std::vector<bool> moves;                 ///< per input: moves
  std::vector<bool> wanted;                ///< per input: a layer needs its gradient
  bool middle_inputs = false;              ///< vjp() reads inputs that move
  bool middle_outputs = false;             ///< vjp() reads outputs, or what forward() saves
  std::vector<kernels::TensorType> saved;  ///< of forward()
};

/// What is to be integrated.
struct PiecewiseRequest {
  std::shared_ptr<const graph::Graph> graph;
  std::vector<graph::ValueId> feeds;   ///< values that are given; whatever makes them is not run
  std::vector<graph::ValueId> moving;  ///< those of the feeds that move along the path
  graph::ValueId target = graph::kNoValue;
  std::vector<graph::ValueId> layers;  ///< values between what moves and the target
};

/// What is known about a network before there are values.
struct PiecewiseNetwork {
  std::vector<const graph::Node*> still;     ///< nodes that the target depends on and that do not move
  std::vector<PiecewiseStep> steps;          ///< all others, in order
  std::vector<kernels::Constant> constants;  ///< per value; in double where there is one
  std::vector<bool> needed;                  ///< per value: the target depends on it
};

/// Throws Error(kUnsupported) naming the first node that is neither affine nor piecewise affine in what moves.
[[nodiscard]] PiecewiseNetwork piecewise_network(const PiecewiseRequest& request, const kernels::Device& device);

/// Moves elements of the only input of a primitive with kinks, by no more than rounding, onto the kinks where they are
/// as good as there, so that what rests on a kink over a stretch of the path has one gradient, that at the kink.
void rest_on_kinks(const primitives::Primitive& primitive, const kernels::Tensor& x);

/// The type of a value on the device.
[[nodiscard]] kernels::TensorType on_device(kernels::TensorType type, const kernels::Device& device);

}  // namespace mho::engine
