// Random differentiable networks (convolutional, residual, fully connected) for tests of the graph and engine floors.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "graph/builder.h"

namespace mho::testing {

struct RandomGraphOptions {
  std::int64_t batch = 2;
  bool images = true;               ///< inputs [N, C, H, W] and convolutions first; else [N, F] and matrix products
  int layers = 6;                   ///< about how many layers; each is one to six nodes
  bool two_inputs = false;          ///< a second real input joins on the way
  bool batch_normalization = true;  ///< folding it changes the rounding, so exact comparisons want none
  std::int64_t most_channels = 33;
};

/// The same numbers give the same network.
struct RandomGraph {
  graph::Graph graph;                       ///< outputs: `output`
  std::vector<graph::ValueId> inputs;       ///< real
  graph::ValueId output = graph::kNoValue;  ///< [N, classes]
  std::vector<graph::ValueId> layers;       ///< real values on the way that a user might ask for, in topological order
};

[[nodiscard]] RandomGraph random_graph(std::uint64_t seed, const RandomGraphOptions& options);

/// Elements from a normal distribution, one vector per input.
[[nodiscard]] std::vector<std::vector<double>> random_inputs(const RandomGraph& network, std::uint64_t seed);

}  // namespace mho::testing
