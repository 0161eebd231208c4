// Layers [channels, positions...] as one value per channel.
#include "attribution/positions.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mho::attribution {

namespace {

double aggregated(PositionAggregate aggregate, std::span<const double> values) {
  if (aggregate == PositionAggregate::kMax) return *std::ranges::max_element(values);
  double sum = 0;
  for (const double v : values) sum += aggregate == PositionAggregate::kAbsSum ? std::abs(v) : v;
  return sum;
}

}  // namespace

void aggregate_positions(PositionAggregate aggregate, Result& result) {
  if (aggregate == PositionAggregate::kNone) return;
  for (LayerResult& layer : result.layers) {
    const Shape& shape = layer.values.shape();
    if (shape.size() < 3 || layer.values.size() == 0) continue;
    Array channels(DType::f64, {shape[0], shape[1]});
    const auto out = channels.as<double>();
    const auto all = std::as_const(layer.values).as<double>();
    const std::size_t positions = all.size() / out.size();
    for (std::size_t c = 0; c < out.size(); ++c) {
      out[c] = aggregated(aggregate, all.subspan(c * positions, positions));
    }
    layer.values = std::move(channels);
  }
  result.metadata["positions"] = to_string(aggregate);
}

}  // namespace mho::attribution
