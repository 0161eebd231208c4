// `mho attribute`.
#include "attribute.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/mho.h>

#include <cstdio>

#include "baselines.h"
#include "interrupt.h"
#include "json.h"
#include "picture.h"
#include "progress_bar.h"
#include "ranking.h"
#include "report.h"
#include "request.h"
#include "targets.h"
#include "text.h"

namespace mho::cli {

namespace {

Model load(const AttributeArguments& arguments) {
  ModelOptions options;
  options.precision = arguments.precision == "double" ? Precision::kDouble : Precision::kSingle;
  options.threads = arguments.threads;
  return Model::load(arguments.model, options);
}

/// The inputs, with target and baseline put into the request, all cut to the examples that were asked for.
struct Prepared {
  Inputs inputs;
  std::int64_t first = 0;
};

Prepared prepare(const AttributeArguments& arguments, const std::vector<Port>& ports,
                 const std::vector<std::string>& labels, Request& request) {
  std::vector<NamedText> named;
  for (const std::string& input : arguments.inputs) named.push_back(parse_named(input, ports));
  Prepared prepared{read_inputs(named, ports, arguments.pictures), 0};
  request.target = parse_target(arguments.target, labels);
  request.baseline = read_baseline(arguments.baselines, ports, prepared.inputs, arguments.pictures);
  if (!arguments.references.empty()) {
    std::vector<NamedText> references;
    for (const std::string& text : arguments.references) references.push_back(parse_named(text, ports));
    request.baseline = ReferenceSet{read_inputs(references, ports, arguments.pictures)};
  }

  const std::int64_t count = count_examples(prepared.inputs, ports);
  const ExampleRange range = parse_examples(arguments.examples.empty() ? ":" : arguments.examples);
  const ExampleRange kept = keep_examples(prepared.inputs, ports, range, count);
  keep_examples(request.target, kept, count);
  if (auto* arrays = std::get_if<Inputs>(&request.baseline)) {
    if (count_examples(*arrays, ports) == count) keep_examples(*arrays, ports, kept, count);
  }
  prepared.first = kept.first;
  return prepared;
}

std::string baseline_text(const AttributeArguments& arguments) {
  if (!arguments.references.empty()) return fmt::format("references {}", fmt::join(arguments.references, ", "));
  return arguments.baselines.empty() ? "0" : fmt::format("{}", fmt::join(arguments.baselines, ", "));
}

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

}  // namespace

void run_attribute(const AttributeArguments& arguments) {
  const InterruptGuard guard;
  // Whatever can be refused is refused before anything is read or computed.
  Request request = make_request(arguments);
  check_destinations(arguments);
  const std::vector<std::string> labels =
      arguments.labels.empty() ? std::vector<std::string>{} : read_labels(arguments.labels);
  const Model model = load(arguments);
  const Prepared prepared = prepare(arguments, model.inputs(), labels, request);

  Result result = compute(model, prepared.inputs, request, !arguments.quiet);
  if (InterruptGuard::requested()) throw Interrupted{};
  result.metadata["model"] = arguments.model;
  result.metadata["command"] = arguments.command;

  Report report{
      arguments.model, baseline_text(arguments), arguments.target, prepared.first, request, result, labels, {}};
  for (const LayerResult& layer : result.layers) {
    report.rankings.push_back(rank_layer(layer, arguments.top, request.split_by_input));
  }
  if (!arguments.result.empty()) io::write_result(arguments.result, result);
  if (!arguments.picture.empty())
    io::write_heatmap_png(arguments.picture, picture_rows(prepared.inputs, result, report.rankings));

  if (arguments.json) {
    fmt::print("{}", json_text(to_json(report)));
  } else if (!arguments.quiet) {
    fmt::print("{}", report_text(report));
  }
  const std::string warning = convergence_warning(report);
  if (!warning.empty()) fmt::print(stderr, "mho: warning: {}\n", printable(warning));
}

}  // namespace mho::cli
