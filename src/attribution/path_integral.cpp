// Sums over one example's path, for all layers at once, in float64.
#include "attribution/path_integral.h"

#include <algorithm>

namespace mho::attribution {

using kernels::Tensor;
using kernels::TensorType;

PathIntegral::PathIntegral(Measure measure, Quadrature rule, std::span<const TensorType> layers)
    : measure_(measure),
      ends_(end_weights(rule)),
      cells_(rule == Quadrature::kMidpoint || rule == Quadrature::kGaussLegendre) {
  for (TensorType type : layers) {
    type.dtype = DType::f64;
    sums_.emplace_back(std::move(type));
  }
}

void PathIntegral::reset() {
  last_.y.clear();
  last_.gradient.clear();
  for (OwnedTensor& sum : sums_) {
    const Tensor t = sum.view();
    std::ranges::fill(t.as<double>(), 0.0);
  }
}

void PathIntegral::visit(kernels::Device& device, const PathNode& node, const PointView& point) {
  if (measure_ == Measure::kAlpha) {
    for (std::size_t l = 0; node.weight != 0 && l < sums_.size(); ++l) {
      device.accumulate(node.weight, point.gradient[l], sums_[l].view());
    }
    return;
  }
  if (node.reads_y && !last_.y.empty()) {
    // The path is walked from x to x': `last_` has the larger alpha.
    for (std::size_t l = 0; l < sums_.size(); ++l) {
      if (cells_) {
        device.accumulate_path(1, last_.gradient[l], 0, {}, point.y[l], last_.y[l], sums_[l].view());
      } else {
        device.accumulate_path(ends_.low, point.gradient[l], ends_.high, last_.gradient[l], point.y[l], last_.y[l],
                               sums_[l].view());
      }
    }
  }
  if (node.reads_y) last_.y = point.y;
  if (node.reads_gradient) last_.gradient = point.gradient;
}

void PathIntegral::keep(std::vector<Tensor>& views, std::vector<OwnedTensor>& copies) {
  if (copies.empty()) {
    for (const Tensor& t : views) copies.emplace_back(t.type);
  }
  for (std::size_t l = 0; l < views.size(); ++l) {
    const Tensor copy = copies[l].view();
    if (views[l].data == copy.data) continue;
    copies[l].copy_from(views[l]);
    views[l] = copy;
  }
}

void PathIntegral::retain() {
  keep(last_.y, y_copies_);
  keep(last_.gradient, gradient_copies_);
}

}  // namespace mho::attribution
