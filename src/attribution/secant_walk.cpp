// Walks pieces of paths through the slots of an Evaluator, and sums multipliers times differences on every segment.
#include "attribution/secant_walk.h"

#include <algorithm>

namespace mho::attribution {

namespace {

/// Segments below which a strand is not cut: the point where two pieces meet is evaluated for both.
constexpr std::size_t kShortest = 4;

/// Strands of at most `longest` segments.
std::vector<Strand> cut(std::span<const Strand> strands, std::size_t longest) {
  std::vector<Strand> pieces;
  for (const Strand& strand : strands) {
    for (std::size_t first = 0; first < strand.sums.size(); first += longest) {
      const std::size_t count = std::min(longest, strand.sums.size() - first);
      const auto alphas = strand.alphas.begin() + static_cast<std::ptrdiff_t>(first);
      const auto sums = strand.sums.begin() + static_cast<std::ptrdiff_t>(first);
      pieces.push_back({strand.path,
                        {alphas, alphas + static_cast<std::ptrdiff_t>(count) + 1},
                        {sums, sums + static_cast<std::ptrdiff_t>(count)}});
    }
  }
  return pieces;
}

}  // namespace

LayerSums SecantWalk::zeros() const {
  LayerSums sums;
  for (kernels::TensorType type : evaluator_.layer_types()) {
    type.dtype = DType::f64;
    sums.emplace_back(std::move(type));
  }
  return sums;
}

std::vector<std::vector<SecantWalk::Stop>> SecantWalk::schedule(std::span<const Strand> strands) const {
  const auto slots = static_cast<std::size_t>(evaluator_.capacity());
  std::size_t segments = 0;
  for (const Strand& strand : strands) segments += strand.sums.size();
  std::vector<Strand> pieces = cut(strands, std::max(kShortest, (segments + slots - 1) / slots));
  // Targets are chosen at alpha = 1: those points come in the first slots, at the first step. Then the longest first.
  std::ranges::stable_sort(pieces, [](const Strand& a, const Strand& b) {
    const bool a_first = !a.path->target && a.alphas[0] == 1, b_first = !b.path->target && b.alphas[0] == 1;
    return a_first != b_first ? a_first : a.sums.size() > b.sums.size();
  });
  std::vector<std::vector<Stop>> stops(std::min(slots, pieces.size()));
  for (const Strand& piece : pieces) {
    auto& slot = *std::ranges::min_element(stops, {}, [](const auto& list) { return list.size(); });
    slot.push_back({{piece.path, piece.alphas[0]}});
    for (std::size_t k = 0; k < piece.sums.size(); ++k) {
      slot.push_back({{piece.path, piece.alphas[k + 1]}, piece.alphas[k] - piece.alphas[k + 1], piece.sums[k]});
    }
  }
  return stops;
}

void SecantWalk::run(std::span<const Strand> strands) {
  if (strands.empty()) return;
  const std::vector<std::vector<Stop>> stops = schedule(strands);
  std::size_t steps = 0;
  for (const auto& slot : stops) steps = std::max(steps, slot.size());
  std::vector<PathPoint> points(stops.size());
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t s = 0; s < stops.size(); ++s) {
      // A slot that is done waits where it is.
      if (step < stops[s].size()) points[s] = stops[s][step].point;
    }
    step == 0 ? evaluator_.start_walk(points) : evaluator_.walk_on(points);
    for (std::size_t s = 0; s < stops.size(); ++s) {
      if (step >= stops[s].size()) continue;
      on_point_(points[s], evaluator_.target(s));
      if (stops[s][step].sums != nullptr) add(s, stops[s][step]);
    }
  }
}

void SecantWalk::add(std::size_t slot, const Stop& stop) {
  kernels::Device& device = evaluator_.device();
  for (std::size_t l = 0; l < stop.sums->size(); ++l) {
    const kernels::Tensor sum = (*stop.sums)[l].view();
    const kernels::Tensor m = evaluator_.gradient(l, slot);
    if (measure_ == Measure::kAlpha) {
      device.accumulate(stop.length, m, sum);
    } else {
      device.accumulate_path(1, m, 0, {}, evaluator_.value(l, slot), evaluator_.reference_value(l, slot), sum);
    }
  }
}

}  // namespace mho::attribution
