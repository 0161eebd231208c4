// Walks pieces of paths, one point after the other, and sums multipliers times differences on every segment.
#include "attribution/secant_walk.h"

#include <algorithm>

namespace mho::attribution {

LayerSums SecantWalk::zeros() const {
  LayerSums sums;
  for (kernels::TensorType type : evaluator_.layer_types()) {
    type.dtype = DType::f64;
    sums.emplace_back(std::move(type));
  }
  return sums;
}

std::vector<std::vector<SecantWalk::Stop>> SecantWalk::schedule(std::span<const Strand> strands) const {
  std::vector<const Strand*> order;
  for (const Strand& strand : strands) order.push_back(&strand);
  // Targets are chosen at alpha = 1.
  std::ranges::stable_partition(order, [](const Strand* s) { return s->alphas[0] == 1; });
  std::vector<std::vector<Stop>> lanes(evaluator_.lane_count());
  for (const Strand* strand : order) {
    auto& lane = *std::ranges::min_element(lanes, {}, [](const auto& stops) { return stops.size(); });
    lane.push_back({{strand->path, strand->alphas[0]}});
    for (std::size_t k = 0; k < strand->sums.size(); ++k) {
      lane.push_back(
          {{strand->path, strand->alphas[k + 1]}, strand->alphas[k] - strand->alphas[k + 1], strand->sums[k]});
    }
  }
  std::erase_if(lanes, [](const auto& stops) { return stops.empty(); });
  return lanes;
}

void SecantWalk::run(std::span<const Strand> strands) {
  const std::vector<std::vector<Stop>> lanes = schedule(strands);
  std::size_t longest = 0;
  for (const auto& stops : lanes) longest = std::max(longest, stops.size());
  const std::size_t slots = static_cast<std::size_t>(evaluator_.capacity()) / evaluator_.lane_count();
  std::vector<PathPoint> points;
  std::vector<const Stop*> stops;
  for (std::size_t first = 0; first < longest; first += slots) {
    const std::size_t each = std::min(slots, longest - first);
    points.clear();
    stops.clear();
    for (const auto& lane : lanes) {
      for (std::size_t s = first; s < first + each; ++s) {
        // A lane that is done waits where it is.
        points.push_back(lane[std::min(s, lane.size() - 1)].point);
        stops.push_back(s < lane.size() ? &lane[s] : nullptr);
      }
    }
    evaluator_.evaluate(points);
    for (std::size_t p = 0; p < points.size(); ++p) {
      if (stops[p] != nullptr) on_point_(points[p], evaluator_.target(p));
    }
    evaluator_.for_each_point([&](std::size_t p) {
      if (stops[p] != nullptr && stops[p]->sums != nullptr) add(p, *stops[p]);
    });
  }
}

void SecantWalk::add(std::size_t slot, const Stop& stop) {
  LayerSums& sums = *stop.sums;
  kernels::Device& device = evaluator_.device();
  for (std::size_t l = 0; l < sums.size(); ++l) {
    const kernels::Tensor sum = sums[l].view();
    const kernels::Tensor m = evaluator_.gradient(l, slot);
    if (measure_ == Measure::kAlpha) {
      device.accumulate(stop.length, m, sum);
    } else {
      device.accumulate_path(1, m, 0, {}, evaluator_.value(l, slot), evaluator_.reference_value(l, slot), sum);
    }
  }
}

}  // namespace mho::attribution
