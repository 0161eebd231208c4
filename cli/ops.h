// `mho ops`, and docs/operators.md, which is what it prints with --markdown.
#pragma once

#include <mho/model.h>

#include <span>
#include <string>

#include "arguments.h"

namespace mho::cli {

void run_ops(const OpsArguments& arguments);

[[nodiscard]] std::string operators_text(std::span<const OperatorRow> operators,
                                         std::span<const PrimitiveRow> primitives);
[[nodiscard]] std::string operators_markdown(std::span<const OperatorRow> operators,
                                             std::span<const PrimitiveRow> primitives);

}  // namespace mho::cli
