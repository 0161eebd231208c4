// `mho evaluate`.
#include "evaluate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "destination.h"
#include "interrupt.h"
#include "json.h"
#include "prepare.h"
#include "request.h"
#include "targets.h"
#include "text.h"
#include "text_file.h"

namespace mho::cli {

namespace {

/// Everything that needs neither model nor files.
EvaluationRequest make_evaluation_request(const EvaluateArguments& arguments) {
  EvaluationRequest request;
  AttributeArguments question = arguments.question;
  question.rules.clear();  // they belong to deeplift, the path to nig: both may be among the methods
  request.request = make_request(question);
  request.request.ablation.unit = parse_ablation_unit(arguments.units).value();
  request.request.ablation.replacement = parse_replacement(arguments.replace).value();
  request.methods.clear();
  for (const std::string& text : split(arguments.methods, ',')) {
    EvaluatedMethod method = parse_evaluated_method(text);
    if (method.method == Method::kDeepLift && method.rules.empty()) {
      for (const std::string& rule : arguments.question.rules) method.rules.push_back(parse_rule_choice(rule));
    }
    request.methods.push_back(std::move(method));
  }
  const bool has_deeplift =
      std::ranges::find(request.methods, "deeplift", &EvaluatedMethod::name) != request.methods.end();
  if (!arguments.question.rules.empty() && !has_deeplift) {
    throw Error(Code::kInvalidArgument, "--rule needs deeplift among the --methods");
  }
  request.curve_points = arguments.points;
  request.single_units = arguments.single;
  request.top = arguments.top;
  request.subsets = arguments.subsets;
  request.noises = arguments.noises;
  request.radius = arguments.radius;
  request.resamples = arguments.resamples;
  request.confidence = arguments.confidence;
  request.statistic = arguments.statistic == "median" ? Statistic::kMedian : Statistic::kMean;
  request.seed = arguments.seed;
  return request;
}

}  // namespace

void run_evaluate(const EvaluateArguments& arguments) {
  const InterruptGuard guard;
  const AttributeArguments& question = arguments.question;
  EvaluationRequest request = make_evaluation_request(arguments);
  if (!question.result.empty())
    check_destination("-o", question.result, {".json"}, question.force, files_read(question));
  const std::vector<std::string> labels =
      question.labels.empty() ? std::vector<std::string>{} : read_labels(question.labels);
  const Model model = load(question);
  const Prepared prepared = prepare(question, model.inputs(), labels, request.request);
  request.request.progress = [](const Progress&) { return !InterruptGuard::requested(); };
  Evaluation evaluation;
  try {
    evaluation = evaluate(model, prepared.inputs, request);
  } catch (const Error&) {
    if (InterruptGuard::requested()) throw Interrupted{};
    throw;
  }
  if (InterruptGuard::requested()) throw Interrupted{};
  const std::string baseline =
      question.baselines.empty() ? "0" : fmt::format("{}", fmt::join(question.baselines, ", "));
  const EvaluationReport report{question.model, question.command, baseline,  question.target,
                                prepared.first, request,          evaluation};
  const std::string document = json_text(evaluation_json(report));
  if (!question.result.empty()) write_text(question.result, document);
  if (question.json) {
    fmt::print("{}", document);
  } else if (!question.quiet) {
    fmt::print("{}", evaluation_text(report));
  }
}

}  // namespace mho::cli
