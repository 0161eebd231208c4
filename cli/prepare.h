// From the command line to what the library takes: the model, its inputs, and a request cut to the same examples.
#pragma once

#include <mho/attribution.h>

#include <string>
#include <vector>

#include "arguments.h"

namespace mho::cli {

struct Prepared {
  Inputs inputs;
  std::int64_t first = 0;  ///< number of the first example kept
};

[[nodiscard]] Model load(const AttributeArguments& arguments);
/// Reads inputs, and puts target and baseline into the request, all cut to the examples that were asked for.
[[nodiscard]] Prepared prepare(const AttributeArguments& arguments, const std::vector<Port>& ports,
                               const std::vector<std::string>& labels, Request& request);

}  // namespace mho::cli
