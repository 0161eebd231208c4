// The maps that `mho attribute --picture` draws.
#pragma once

#include <mho/io.h>

#include <vector>

#include "ranking.h"

namespace mho::cli {

/// Rows of maps: the inputs that look like maps, then per layer the sum over channels for every example (the first 32,
/// or 8 of large maps), and for a single example the maps of its top channels. Layers without positions are drawn as
/// grids of their neurons; large maps are summed over blocks. At most 64 layers.
[[nodiscard]] std::vector<io::HeatmapRow> picture_rows(const Inputs& inputs, const Result& result,
                                                       const std::vector<Ranking>& rankings);

}  // namespace mho::cli
