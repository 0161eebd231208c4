// `mho attribute`.
#include "attribute.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/mho.h>

#include <cstdio>

#include "aggregate.h"
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

/// `first` and `all`: how many examples come before those of `inputs`, and how many there are; 0: these are all.
Result compute(const Model& model, const Inputs& inputs, Request& request, ProgressBar& bar, std::int64_t first = 0,
               std::int64_t all = 0) {
  request.progress = [&bar, first, all](const Progress& progress) {
    bar.show({first + progress.examples_done, all > 0 ? all : progress.examples, progress.evaluations});
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

void run_aggregate(const AttributeArguments& arguments, const Model& model, const Prepared& prepared,
                   const Request& request, const std::vector<std::string>& labels) {
  const std::vector<Port> ports = model.inputs();
  const std::int64_t all = count_examples(prepared.inputs, ports);
  Aggregated aggregated;
  {
    ProgressBar bar(!arguments.quiet);
    aggregated = aggregate_all(prepared.inputs, request, ports, arguments.per_class,
                               [&](const Inputs& inputs, Request& some, std::int64_t first) {
                                 return compute(model, inputs, some, bar, first, all);
                               });
  }
  aggregated.about.metadata["model"] = arguments.model;
  aggregated.about.metadata["command"] = arguments.command;
  Report report{arguments.model,
                baseline_text(arguments),
                arguments.target,
                prepared.first,
                request,
                aggregated.about,
                labels,
                {},
                {}};
  for (const LayerMeans& layer : aggregated.means.all.layers) {
    report.rankings.push_back(rank_means(layer, arguments.top));
  }
  if (!arguments.result.empty()) write_means(arguments.result, aggregated);
  print_report(arguments, report);
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
  for (const std::string& note : report.result.notes) {
    if (!arguments.quiet) fmt::print(stderr, "mho: note: {}\n", printable(note));
  }
  for (const std::string& warning : {convergence_warning(report), cancellation_warning(report)}) {
    if (!warning.empty()) fmt::print(stderr, "mho: warning: {}\n", printable(warning));
  }
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

  if (arguments.aggregate) return run_aggregate(arguments, model, prepared, request, labels);
  Result result = [&] {
    ProgressBar bar(!arguments.quiet);
    return compute(model, prepared.inputs, request, bar);
  }();
  if (InterruptGuard::requested()) throw Interrupted{};
  result.metadata["model"] = arguments.model;
  result.metadata["command"] = arguments.command;
  if (!arguments.examples.empty()) result.metadata["examples"] = arguments.examples;
  result.names = prepared.names;

  Report report{
      arguments.model, baseline_text(arguments), arguments.target, prepared.first, request, result, labels, {}, {}};
  for (const LayerResult& layer : result.layers) {
    report.rankings.push_back(rank_layer(layer, arguments.top, request.split_by_input));
  }
  if (!arguments.result.empty()) io::write_result(arguments.result, stored(result, arguments.store));
  if (!arguments.picture.empty())
    io::write_heatmap_png(arguments.picture, picture_rows(prepared.inputs, result, report.rankings));
  if (!arguments.page.empty()) {
    report::Options options;
    options.inputs = prepared.inputs;
    options.labels = labels;
    options.numbered_from = prepared.first;
    report::write_page(arguments.page, result, options);
  }

  print_report(arguments, report);
}

}  // namespace mho::cli
