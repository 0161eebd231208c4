// `mho attribute` over more examples than memory holds: chunk by chunk, into a folder of parts, then one result.
#pragma once

#include <mho/attribution.h>

#include <string>
#include <vector>

#include "arguments.h"
#include "report.h"

namespace mho::cli {

/// The whole command for runs that stream (request.h). `request` is what make_request gave.
void run_streamed(const AttributeArguments& arguments, const Model& model, const std::vector<std::string>& labels,
                  Request& request);

/// "-b" and its relatives as they were given.
[[nodiscard]] std::string baseline_text(const AttributeArguments& arguments);
/// Prints what was found, as the arguments say, and warns where examples did not converge.
void print_report(const AttributeArguments& arguments, const Report& report);

}  // namespace mho::cli
