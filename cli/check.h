// `mho check`.
#pragma once

#include <mho/check.h>

#include <string>

#include "arguments.h"

namespace mho::cli {

void run_check(const AttributeArguments& arguments);

[[nodiscard]] std::string check_text(const Check& check, const std::string& model);

}  // namespace mho::cli
