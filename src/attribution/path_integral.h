// Sums over one example's path, for all layers at once, in float64.
#pragma once

#include <span>
#include <vector>

#include "attribution/owned_tensor.h"
#include "attribution/quadrature.h"
#include "kernels/device.h"

namespace mho::attribution {

/// y and dF/dy of every layer at one point: borrowed tensors.
struct PointView {
  std::vector<kernels::Tensor> y;
  std::vector<kernels::Tensor> gradient;
};

/// What is integrated along the path.
enum class Measure {
  kDifferences,  ///< g dy: Neuron Integrated Gradients (arXiv 1807.09946)
  kAlpha,        ///< g dalpha: Internal Influence (arXiv 1802.03788)
};

class PathIntegral {
 public:
  PathIntegral(Measure measure, Quadrature rule, std::span<const kernels::TensorType> layers);

  /// Nodes in the order of path_nodes(). The view must stay valid until the next visit() or retain().
  void visit(kernels::Device& device, const PathNode& node, const PointView& point);
  /// The last visited view is about to become invalid: what the next visit needs of it is copied.
  void retain();
  void reset();

  [[nodiscard]] kernels::Tensor sum(std::size_t layer) { return sums_[layer].view(); }
  [[nodiscard]] std::size_t layer_count() const { return sums_.size(); }

 private:
  void keep(std::vector<kernels::Tensor>& views, std::vector<OwnedTensor>& copies);

  Measure measure_;
  EndWeights ends_;
  bool cells_;  ///< gradients lie inside the cells, not at their ends
  std::vector<OwnedTensor> sums_;
  PointView last_;  ///< y and gradient that the next visit combines with; empty before the first
  std::vector<OwnedTensor> y_copies_;
  std::vector<OwnedTensor> gradient_copies_;
};

}  // namespace mho::attribution
