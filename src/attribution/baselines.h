// Where paths begin: a baseline for every input, and for tensors behind inputs where one is given.
#pragma once

#include <map>
#include <string>

#include "attribution/setup.h"

namespace mho::attribution {

/// How many references the arrays hold: one number for all that have more than one. Throws Error(kInvalidArgument).
[[nodiscard]] std::int64_t count_references(const Examples& inputs, const ReferenceSet& set);

/// By name, for every input and tensor that Setup::baselines has. Needs inputs, graph, sources and references of
/// `setup`. Throws Error (kInvalidArgument, kNumeric).
[[nodiscard]] std::map<std::string, Array, std::less<>> make_baselines(const Setup& setup, const Baseline& baseline);

}  // namespace mho::attribution
