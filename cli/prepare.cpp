// From the command line to model, inputs and request.
#include "prepare.h"

#include <algorithm>

#include "baselines.h"
#include "sources.h"
#include "targets.h"

namespace mho::cli {

Model load(const AttributeArguments& arguments) {
  ModelOptions options;
  if (arguments.precision == "double") options.precision = Precision::kDouble;
  if (arguments.precision == "bf16") options.precision = Precision::kBfloat16;
  options.threads = arguments.threads;
  options.winograd = arguments.winograd;
  options.one_example = arguments.one_example;
  options.limits = make_limits(arguments.limits, arguments.max_memory);
  bound_process(arguments.max_memory);
  return Model::load(arguments.model, options);
}

std::vector<Port> with_tensors(std::vector<Port> ports, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::ranges::find(ports, name, &Port::name) == ports.end()) ports.push_back({name, "float", {}, {}});
  }
  return ports;
}

Inputs read_references(const AttributeArguments& arguments, const std::vector<Port>& ports) {
  std::vector<NamedText> references;
  for (const std::string& text : arguments.references) references.push_back(parse_named(text, ports));
  return read_inputs(references, ports, arguments.pictures);
}

Prepared prepare(const AttributeArguments& arguments, const std::vector<Port>& ports,
                 const std::vector<std::string>& labels, Request& request) {
  std::vector<NamedText> named;
  for (const std::string& input : arguments.inputs) named.push_back(parse_named(input, ports));
  const Sources sources = open_sources(named, ports, arguments.pictures);
  Prepared prepared{read_all(sources), 0, example_names(sources, ports)};
  request.target = parse_target(arguments.target, labels);
  request.baseline =
      read_baseline(arguments.baselines, with_tensors(ports, arguments.at), prepared.inputs, arguments.pictures);
  if (!arguments.references.empty()) request.baseline = ReferenceSet{read_references(arguments, ports)};
  if (arguments.shuffles) request.baseline = DinucleotideShuffles{*arguments.shuffles, arguments.seed};

  const std::int64_t count = count_examples(prepared.inputs, ports);
  const ExampleRange range = parse_examples(arguments.examples.empty() ? ":" : arguments.examples);
  const ExampleRange kept = keep_examples(prepared.inputs, ports, range, count);
  keep_examples(request.target, kept, count);
  if (auto* arrays = std::get_if<Inputs>(&request.baseline)) {
    if (count_examples(*arrays, ports) == count) keep_examples(*arrays, ports, kept, count);
  }
  prepared.first = kept.first;
  if (static_cast<std::int64_t>(prepared.names.size()) == count) {
    prepared.names = {prepared.names.begin() + kept.first, prepared.names.begin() + kept.last};
  }
  return prepared;
}

}  // namespace mho::cli
