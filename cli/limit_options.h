// The options that say what a model may take and cost.
#pragma once

#include <mho/limits.h>

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace mho::cli {

/// The options --max-…; `memory` is "2G", or "" where it is not given.
void declare_limits(CLI::App& command, Limits& limits, std::string& memory);
/// Throws Error(kInvalidArgument) for a --max-memory that is no size.
[[nodiscard]] Limits make_limits(Limits limits, const std::string& memory);
/// With --max-memory the process gets no more than that either (RLIMIT_DATA), beside what it has and the stacks of its
/// threads: this bounds what libraries take. Throws as make_limits.
void bound_process(const std::string& memory);

}  // namespace mho::cli
