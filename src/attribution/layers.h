// Which layers a request names: tensor names, node names and globs.
#pragma once

#include <string>
#include <vector>

#include "graph/analysis.h"

namespace mho::attribution {

struct LayerChoice {
  std::string name;  ///< ONNX tensor name
  std::string node;
  std::string op;
  bool cut = false;
  bool affine_to_target = false;
};

/// Everything that can be attributed, in order of computation: named, real, active and relevant tensors.
[[nodiscard]] std::vector<LayerChoice> all_layers(const graph::Graph& graph, const graph::Analysis& facts);

/// The layers that `patterns` name, in order of computation; no pattern: all cuts but the inputs and the target.
/// With `any_tensor`, tensors need not lie between input and target. Throws Error(kNotFound) with the nearest names.
[[nodiscard]] std::vector<LayerChoice> choose_layers(const graph::Graph& graph, const graph::Analysis& facts,
                                                     const std::vector<std::string>& patterns, graph::ValueId target,
                                                     bool any_tensor);

/// `*` and `?` as in a shell.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace mho::attribution
