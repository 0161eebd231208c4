// Grad-CAM: a map of positions per layer, its channels weighted by their mean gradients.
#pragma once

#include <mho/attribution.h>

#include <span>

#include "attribution/layers.h"

namespace mho::attribution {

/// Of the layers that `patterns` chose, those with positions: [channels, positions...] behind an example axis of 1.
/// Throws Error: kInvalidArgument naming a layer without positions that was asked for by its full name, kNotFound where
/// none has any.
[[nodiscard]] std::vector<LayerChoice> layers_with_positions(const graph::Graph& graph, std::vector<LayerChoice> layers,
                                                             const std::vector<std::string>& patterns);

/// `map`, one element per position, from y and dF/dy of one example.
void grad_cam(const Array& y, const Array& gradient, bool keep_sign, std::span<double> map);

}  // namespace mho::attribution
