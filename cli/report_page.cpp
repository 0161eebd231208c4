// `mho report`.
#include "report_page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>

#include "arguments.h"
#include "destination.h"
#include "targets.h"
#include "text.h"

namespace mho::cli {

namespace {

/// What a command line for one file says of `-i NAME=FILE`: the text before a '=' behind which there is a file.
std::string input_name(const std::string& text) {
  std::error_code unknown;
  for (std::size_t at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
    if (std::filesystem::exists(parse_reference(text.substr(at + 1)).file, unknown)) return text.substr(0, at);
  }
  return {};
}

/// The model is not read again: a result's input layers say what its inputs are called and what shape they have, and
/// whatever else is named on the command line is taken as it is.
std::vector<Port> ports_of(const std::vector<std::string>& inputs, const Result& result) {
  std::vector<Port> ports;
  const auto add = [&](const std::string& name, Shape shape) {
    if (std::ranges::find(ports, name, &Port::name) != ports.end()) return;
    if (!shape.empty()) shape[0] = -1;
    ports.push_back({name, "float", std::move(shape), {}});
  };
  for (const LayerResult& layer : result.layers) {
    if (layer.op == "Input") add(layer.name, layer.values.shape());
  }
  for (const std::string& text : inputs) {
    if (const std::string name = input_name(text); !name.empty()) add(name, {});
  }
  if (ports.empty()) add("input", {});
  return ports;
}

/// The examples that were attributed, of files that have more.
void cut_to_result(Inputs& inputs, const std::vector<Port>& ports, const Result& result, const ExampleRange& range) {
  const std::int64_t count = count_examples(inputs, ports);
  if (count != static_cast<std::int64_t>(result.target.size())) keep_examples(inputs, ports, range, count);
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) throw Error(Code::kIo, fmt::format("{}: cannot be read", path.string()));
  return text;
}

}  // namespace

CLI::App* declare_report(CLI::App& app, PageArguments& arguments) {
  CLI::App* command = app.add_subcommand("report", "A result as one HTML page that needs no network");
  command->footer(
      "Example:\n"
      "  mho report result.npz -i examples/digits/digits.npz -o report.html\n"
      "docs/cli.md tells what the page shows.");
  command->add_option("RESULT", arguments.result, "What mho attribute -o wrote")->required()->type_name("");
  command
      ->add_option("-i,--input", arguments.inputs,
                   "The inputs that were attributed, as for attribute: pictures and one-hot DNA are drawn")
      ->type_name("INPUT");
  command->add_option("--labels", arguments.labels, "Names of the outputs, one per line")->type_name("FILE");
  command->add_option("--evaluation", arguments.evaluation, "What mho evaluate -o wrote; its curves are drawn")
      ->type_name("FILE.json");
  command->add_option("--title", arguments.title, "Heading of the page (default: model and method)")->type_name("TEXT");
  command->add_option("--examples", arguments.examples, "Only examples A up to, not including, B of the result")
      ->type_name("A:B");
  command->add_option("-o,--page", arguments.page, "Write here (default report.html)")->type_name("FILE.html");
  command
      ->add_option("--max-size", arguments.most,
                   "Of the page (default 32M); layers beyond are summed by channel, and the page says so")
      ->type_name("SIZE");
  command->add_flag("--force", arguments.force, "Overwrite an existing file");
  declare_pictures(*command, arguments.pictures);
  return command;
}

void run_report(const PageArguments& arguments) {
  std::vector<std::string> read = arguments.inputs;
  read.insert(read.end(), {arguments.result, arguments.labels, arguments.evaluation});
  check_destination("-o", arguments.page, {".html"}, arguments.force, read);

  report::Options options;
  options.title = arguments.title;
  options.max_bytes = parse_bytes(arguments.most, "--max-size");
  if (!arguments.labels.empty()) options.labels = read_labels(arguments.labels);
  if (!arguments.evaluation.empty()) options.evaluation = read_text(arguments.evaluation);
  if (!arguments.examples.empty()) {
    const ExampleRange range = parse_examples(arguments.examples);
    options.first = range.first;
    options.last = range.last;
  }

  const Result result = io::read_result(arguments.result);
  const auto attributed = result.metadata.find("examples");
  const ExampleRange range = attributed == result.metadata.end() ? ExampleRange{} : parse_examples(attributed->second);
  options.numbered_from = range.first;
  if (!arguments.inputs.empty()) {
    const std::vector<Port> ports = ports_of(arguments.inputs, result);
    std::vector<NamedText> named;
    for (const std::string& input : arguments.inputs) named.push_back(parse_named(input, ports));
    options.inputs = read_inputs(named, ports, arguments.pictures);
    cut_to_result(options.inputs, ports, result, range);
  }
  report::write_page(arguments.page, result, options);
  fmt::print("page      {}\n", printable(arguments.page));
}

}  // namespace mho::cli
