// Walks pieces of paths, one point after the other, and sums multipliers times differences on every segment.
#include "attribution/secant_walk.h"

#include <algorithm>

namespace mho::attribution {

LayerSums SecantWalk::zeros() const {
  LayerSums sums;
  for (kernels::TensorType type : evaluator_.layer_types()) {
    type.dtype = DType::f64;
    sums.memory.emplace_back(std::move(type));
    sums.views.push_back(sums.memory.back().view());
  }
  return sums;
}

void SecantWalk::append(Lane& lane, const Strand& strand) {
  lane.push_back({{strand.path, strand.alphas[0]}});
  const std::size_t count = strand.alphas.size();
  for (std::size_t k = 1; k < count; ++k) {
    lane.push_back({{strand.path, strand.alphas[k]},
                    strand.alphas[k - 1] - strand.alphas[k],
                    strand.sums,
                    strand.profile,
                    strand.lowest + static_cast<std::int64_t>(count - 1 - k)});
  }
}

void SecantWalk::append_reversed(Lane& lane, const Strand& strand) {
  lane.back().also = strand.path;
  const std::size_t count = strand.alphas.size();
  for (std::size_t k = count - 1; k-- > 0;) {
    lane.push_back({{strand.path, strand.alphas[k]},
                    strand.alphas[k + 1] - strand.alphas[k],
                    strand.sums,
                    strand.profile,
                    strand.lowest + static_cast<std::int64_t>(count - 2 - k)});
  }
}

bool SecantWalk::meets(const Lane& lane, const Strand& strand) const {
  if (lane.empty() || strand.alphas.back() != 0) return false;
  const PathPoint& last = lane.back().point;
  if (last.alpha != 0 || last.path->from != strand.path->from) return false;
  // A target shows at alpha = 1: in the same run, which the target decides on what it leads back from.
  const std::size_t x = lane.size() + strand.alphas.size() - 2;
  return strand.path->target || (lane.size() - 1) / slots() == x / slots();
}

std::vector<SecantWalk::Lane> SecantWalk::schedule(std::span<const Strand> strands) const {
  std::vector<const Strand*> order;
  for (const Strand& strand : strands) order.push_back(&strand);
  // Targets are chosen at alpha = 1.
  std::ranges::stable_partition(order, [](const Strand* s) { return s->alphas[0] == 1; });
  std::vector<Lane> lanes(evaluator_.lane_count());
  // As many as there can be in the shortest lane before its last strand, and that one: long paths take no more
  // allocations than short ones.
  std::size_t all = 0, longest = 0;
  for (const Strand& strand : strands) {
    all += strand.alphas.size();
    longest = std::max(longest, strand.alphas.size());
  }
  for (Lane& lane : lanes) lane.reserve(all / lanes.size() + longest);
  for (const Strand* strand : order) {
    Lane& lane = *std::ranges::min_element(lanes, {}, [](const Lane& stops) { return stops.size(); });
    meets(lane, *strand) ? append_reversed(lane, *strand) : append(lane, *strand);
  }
  std::erase_if(lanes, [](const Lane& stops) { return stops.empty(); });
  return lanes;
}

void SecantWalk::note(std::size_t slot, const Stop& stop) const {
  on_point_(*stop.point.path, stop.point.alpha, evaluator_.target(slot));
  if (stop.also != nullptr) on_point_(*stop.also, stop.point.alpha, evaluator_.target(slot, *stop.also));
}

void SecantWalk::run(std::span<const Strand> strands) {
  const std::vector<Lane> lanes = schedule(strands);
  std::size_t longest = 0;
  for (const Lane& lane : lanes) longest = std::max(longest, lane.size());
  std::vector<PathPoint> points;
  std::vector<const Stop*> stops;
  points.reserve(slots() * lanes.size());
  stops.reserve(slots() * lanes.size());
  for (std::size_t first = 0; first < longest; first += slots()) {
    const std::size_t each = std::min(slots(), longest - first);
    points.clear();
    stops.clear();
    for (const Lane& lane : lanes) {
      for (std::size_t s = first; s < first + each; ++s) {
        // A lane that is done waits where it is.
        points.push_back(lane[std::min(s, lane.size() - 1)].point);
        stops.push_back(s < lane.size() ? &lane[s] : nullptr);
      }
    }
    evaluator_.evaluate(points);
    for (std::size_t p = 0; p < points.size(); ++p) {
      if (stops[p] != nullptr) note(p, *stops[p]);
    }
    evaluator_.for_each_lane([&](std::size_t begin, std::size_t end) {
      const auto belongs = [&](std::size_t p, std::size_t to) {
        return stops[p] != nullptr && stops[p]->sums == stops[to]->sums &&
               (stops[p]->length < 0) == (stops[to]->length < 0);
      };
      for (std::size_t p = begin; p < end;) {
        std::size_t last = p + 1;
        if (stops[p] != nullptr && stops[p]->sums != nullptr) {
          while (last < end && belongs(last, p)) ++last;
          add(p, std::span(stops).subspan(p, last - p));
        }
        p = last;
      }
    });
  }
}

void SecantWalk::add(std::size_t slot, std::span<const Stop* const> stops) {
  for (std::size_t k = 0; k < stops.size(); ++k) {
    const Stop& stop = *stops[k];
    if (stop.profile != nullptr) stop.profile->record(stop.segment, evaluator_, slot + k, stop.length < 0);
  }
  const std::vector<Tensor>& sums = stops[0]->sums->views;
  kernels::Device& device = evaluator_.device();
  for (std::size_t l = 0; l < sums.size(); ++l) {
    const Tensor& sum = sums[l];
    if (measure_ == Measure::kAlpha) {
      for (std::size_t k = 0; k < stops.size(); ++k) {
        device.accumulate(std::abs(stops[k]->length), evaluator_.gradient(l, slot + k), sum);
      }
      continue;
    }
    const Tensor m = evaluator_.gradient(l, slot, stops.size());
    const double direction = stops[0]->length < 0 ? -1 : 1;
    device.accumulate_path(direction, m, 0, {}, evaluator_.value(l, slot, stops.size()),
                           evaluator_.reference_value(l, slot, stops.size()), sum);
  }
}

}  // namespace mho::attribution
