// The per-example columns of a result, put together part by part: the layers' values need not be in memory.
#pragma once

#include <mho/attribution.h>

#include <cstddef>
#include <limits>

namespace mho::cli {

/// Appends what `part` says of its first `most` examples: everything but the layers' values, which stay as they are.
/// Both have the same layers.
void append_columns(Result& to, const Result& part, std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace mho::cli
