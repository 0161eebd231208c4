// `mho attribute`.
#pragma once

#include "arguments.h"

namespace mho::cli {

/// Runs the command and prints its result. Throws Error, and Interrupted after Ctrl-C.
void run_attribute(const AttributeArguments& arguments);

}  // namespace mho::cli
