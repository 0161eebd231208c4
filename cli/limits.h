// The options that say what a model may take and cost.
#pragma once

#include <mho/limits.h>

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace mho::cli {

struct LimitArguments {
  Limits limits;
  std::string memory;  ///< "2G"; "": not given
};

/// The options --max-….
void declare_limits(CLI::App& command, LimitArguments& arguments);
/// Throws Error(kInvalidArgument) for a --max-memory that is no size.
[[nodiscard]] Limits make_limits(const LimitArguments& arguments);
/// With --max-memory the process gets no more than that either (RLIMIT_DATA), beside what it has and the stacks of its
/// threads: this bounds what libraries take. Throws as make_limits.
void bound_process(const LimitArguments& arguments);

}  // namespace mho::cli
