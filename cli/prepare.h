// From the command line to what the library takes: the model, its inputs, and a request cut to the same examples.
#pragma once

#include <mho/attribution.h>

#include <string>
#include <vector>

#include "arguments.h"

namespace mho::cli {

struct Prepared {
  Inputs inputs;
  std::int64_t first = 0;          ///< number of the first example kept
  std::vector<std::string> names;  ///< of the examples kept; empty where the files have none
};

/// Baselines may be given for the tensors of --at, too. What shape they have only the lowered model tells.
[[nodiscard]] std::vector<Port> with_tensors(std::vector<Port> ports, const std::vector<std::string>& names);
[[nodiscard]] Inputs read_references(const AttributeArguments& arguments, const std::vector<Port>& ports);
[[nodiscard]] Model load(const AttributeArguments& arguments);
/// Reads inputs, and puts target and baseline into the request, all cut to the examples that were asked for.
[[nodiscard]] Prepared prepare(const AttributeArguments& arguments, const std::vector<Port>& ports,
                               const std::vector<std::string>& labels, Request& request);

}  // namespace mho::cli
