// `mho evaluate`.
#pragma once

#include <mho/evaluation.h>

#include <nlohmann/json.hpp>
#include <string>

#include "arguments.h"

namespace mho::cli {

/// Throws Error, Interrupted.
void run_evaluate(const EvaluateArguments& arguments);

/// An evaluation and what is said about it.
struct EvaluationReport {
  std::string model;
  std::string command;
  std::string baseline;
  std::string target;      ///< as given with -t
  std::int64_t first = 0;  ///< number of the first example in the input files
  const EvaluationRequest& request;
  const Evaluation& evaluation;
};
/// Per layer one table, methods by metrics, and what each method cost.
[[nodiscard]] std::string evaluation_text(const EvaluationReport& report);
/// The document that docs/cli.md describes.
[[nodiscard]] nlohmann::json evaluation_json(const EvaluationReport& report);

}  // namespace mho::cli
