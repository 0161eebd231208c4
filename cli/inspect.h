// `mho inspect`.
#pragma once

#include <mho/model.h>

#include <string>

#include "arguments.h"

namespace mho::cli {

/// Runs the command and prints its result. Throws Error.
void run_inspect(const InspectArguments& arguments);

/// "NAME=AxBxC" as a name and a shape. Throws Error(kInvalidArgument).
[[nodiscard]] std::pair<std::string, Shape> parse_named_shape(std::string_view text);
[[nodiscard]] std::string inspection_text(const Inspection& inspection, const std::string& model);

}  // namespace mho::cli
