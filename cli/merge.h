// `mho merge`: what shards computed, as one result.
#pragma once

#include "arguments.h"

namespace mho::cli {

/// Throws Error (kInvalidArgument for folders that are none or of different runs, kIo for chunks that are missing or
/// damaged) or Interrupted.
void run_merge(const MergeArguments& arguments);

}  // namespace mho::cli
