// Layers [channels, positions...] as one value per channel.
#pragma once

#include <mho/attribution.h>

namespace mho::attribution {

/// values of every layer, [examples, channels, positions...], become [examples, channels]; others stay.
void aggregate_positions(PositionAggregate aggregate, Result& result);

}  // namespace mho::attribution
