// Grad-CAM: a map of positions per layer, its channels weighted by their mean gradients.
#include "attribution/grad_cam.h"

#include <fmt/format.h>

#include <algorithm>

namespace mho::attribution {

std::vector<LayerChoice> layers_with_positions(const graph::Graph& graph, std::vector<LayerChoice> layers,
                                               const std::vector<std::string>& patterns) {
  const auto has_none = [&](const LayerChoice& layer) {
    const Shape& shape = graph.value(graph.find(layer.name)).type.shape;
    const std::size_t axes = shape.size() - (!shape.empty() && shape[0] == 1 ? 1 : 0);
    if (axes >= 2) return false;
    const bool named =
        std::ranges::any_of(patterns, [&](const std::string& p) { return p == layer.name || p == layer.node; });
    if (named) {
      throw Error(
          Code::kInvalidArgument,
          fmt::format("layer '{}' has no positions, its shape is {}: grad_cam needs [1, channels, positions...]",
                      layer.name, to_string(shape)));
    }
    return true;
  };
  std::erase_if(layers, has_none);
  if (layers.empty()) throw Error(Code::kNotFound, "none of the layers has positions, which grad_cam needs");
  return layers;
}

// alpha_c = mean over positions of dF/dy_cp; L_p = relu(sum over channels of alpha_c y_cp) (arXiv 1610.02391, equations
// 1 and 2).
void grad_cam(const Array& y, const Array& gradient, bool keep_sign, std::span<double> map) {
  std::ranges::fill(map, 0.0);
  const auto positions = static_cast<std::int64_t>(map.size());
  for (std::int64_t first = 0; first < y.size(); first += positions) {
    double weight = 0;
    for (std::int64_t p = 0; p < positions; ++p) weight += gradient.at(first + p);
    weight /= static_cast<double>(positions);
    for (std::int64_t p = 0; p < positions; ++p) map[static_cast<std::size_t>(p)] += weight * y.at(first + p);
  }
  if (keep_sign) return;
  // Not max(0, v): a NaN must stay one.
  for (double& v : map) v = v < 0 ? 0 : v;
}

}  // namespace mho::attribution
