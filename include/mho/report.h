// A result as one self-contained HTML page.
#pragma once

#include <mho/attribution.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace mho::report {

struct Options {
  std::string title;                ///< "": model and method
  Inputs inputs;                    ///< what was attributed, one example each; pictures and one-hot DNA are drawn
  std::vector<std::string> labels;  ///< names of the target's indices
  std::string evaluation;           ///< the JSON text that `mho evaluate` wrote; "": none
  std::int64_t first = 0;           ///< examples first <= i < last of the result are shown
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
  std::int64_t numbered_from = 0;                   ///< what the result's first example is called
  std::int64_t max_bytes = std::int64_t{32} << 20;  ///< of the page; values beyond are left out, and the page says so
};

/// Writes the page under a temporary name and renames it. It loads nothing from anywhere and runs no code but its own,
/// whatever names and texts the result holds. Layers that `max_bytes` has no room for keep sums by channel and
/// position, or those of their largest channels. Throws Error: kInvalidArgument (no such examples, inputs with another
/// number of examples, an evaluation that is no JSON), kLimit (not even that fits), kIo.
void write_page(const std::filesystem::path& path, const Result& result, const Options& options = {});

}  // namespace mho::report
