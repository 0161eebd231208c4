// What the commands print with --json.
#pragma once

#include <mho/check.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "report.h"

namespace mho::cli {

[[nodiscard]] nlohmann::json to_json(const Inspection& inspection, const std::string& model);
[[nodiscard]] nlohmann::json to_json(const Report& report);
[[nodiscard]] nlohmann::json to_json(const Check& check, const std::string& model);
[[nodiscard]] nlohmann::json to_json(std::span<const OperatorRow> operators, std::span<const PrimitiveRow> primitives);

/// Indented, ended by a newline. Names that are no UTF-8 are mended; NaN is null.
[[nodiscard]] std::string json_text(const nlohmann::json& document);

}  // namespace mho::cli
