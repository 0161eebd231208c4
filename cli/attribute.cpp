// `mho attribute`.
#include "attribute.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/mho.h>

#include <cstdio>

#include "interrupt.h"
#include "json.h"
#include "picture.h"
#include "prepare.h"
#include "progress_bar.h"
#include "ranking.h"
#include "report.h"
#include "request.h"
#include "stream.h"
#include "targets.h"
#include "text.h"

namespace mho::cli {

namespace {

constexpr const char* kNoBfloat16 =
    "this CPU has no instructions for bfloat16 matrices (AMX): --precision bf16 computes in float32";

Result compute(const Model& model, const Inputs& inputs, Request& request, bool show_progress) {
  ProgressBar bar(show_progress);
  request.progress = [&bar](const Progress& progress) {
    bar.show(progress);
    return !InterruptGuard::requested();
  };
  try {
    return attribute(model, inputs, request);
  } catch (const Error&) {
    if (InterruptGuard::requested()) throw Interrupted{};
    throw;
  }
}

/// Values as they are to be stored.
Result stored(Result result, const std::string& type) {
  if (type == "float32") {
    for (LayerResult& layer : result.layers) layer.values = layer.values.to(DType::f32);
  }
  return result;
}

}  // namespace

std::string baseline_text(const AttributeArguments& arguments) {
  if (!arguments.references.empty()) return fmt::format("references {}", fmt::join(arguments.references, ", "));
  if (arguments.shuffles) return fmt::format("{} dinucleotide shuffles, seed {}", *arguments.shuffles, arguments.seed);
  return arguments.baselines.empty() ? "0" : fmt::format("{}", fmt::join(arguments.baselines, ", "));
}

void print_report(const AttributeArguments& arguments, const Report& report) {
  if (arguments.json) {
    fmt::print("{}", json_text(to_json(report)));
  } else if (!arguments.quiet) {
    fmt::print("{}", report_text(report));
  }
  const std::string warning = convergence_warning(report);
  if (!warning.empty()) fmt::print(stderr, "mho: warning: {}\n", printable(warning));
}

void run_attribute(const AttributeArguments& arguments) {
  const InterruptGuard guard;
  // Whatever can be refused is refused before anything is read or computed.
  Request request = make_request(arguments);
  check_destinations(arguments);
  const std::vector<std::string> labels =
      arguments.labels.empty() ? std::vector<std::string>{} : read_labels(arguments.labels);
  if (arguments.precision == "bf16" && !has_bfloat16() && !arguments.quiet) {
    fmt::print(stderr, "mho: note: {}\n", kNoBfloat16);
  }
  const Model model = load(arguments);
  if (streams(arguments)) return run_streamed(arguments, model, labels, request);
  const Prepared prepared = prepare(arguments, model.inputs(), labels, request);

  Result result = compute(model, prepared.inputs, request, !arguments.quiet);
  if (InterruptGuard::requested()) throw Interrupted{};
  result.metadata["model"] = arguments.model;
  result.metadata["command"] = arguments.command;
  result.names = prepared.names;

  Report report{
      arguments.model, baseline_text(arguments), arguments.target, prepared.first, request, result, labels, {}, {}};
  for (const LayerResult& layer : result.layers) {
    report.rankings.push_back(rank_layer(layer, arguments.top, request.split_by_input));
  }
  if (!arguments.result.empty()) io::write_result(arguments.result, stored(result, arguments.store));
  if (!arguments.picture.empty())
    io::write_heatmap_png(arguments.picture, picture_rows(prepared.inputs, result, report.rankings));

  print_report(arguments, report);
}

}  // namespace mho::cli
