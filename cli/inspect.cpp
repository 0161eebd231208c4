// `mho inspect`.
#include "inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "inputs.h"
#include "json.h"
#include "table.h"
#include "text.h"

namespace mho::cli {

namespace {

std::string ports_text(const char* title, const std::vector<Port>& ports) {
  std::string text;
  for (const Port& port : ports)
    text += fmt::format("{}{}  {}\n", title, printable(port.name), printable(describe(port)));
  return text;
}

const char* affine_text(const Layer& layer) {
  if (layer.affine_from_input && layer.affine_to_target) return "from input, to target";
  if (layer.affine_from_input) return "from input";
  return layer.affine_to_target ? "to target" : "";
}

std::string layers_table(const std::vector<Layer>& layers) {
  Table table({{"layer"}, {"operator"}, {"node"}, {"shape"}, {"cut"}, {"affine"}});
  for (const Layer& layer : layers) {
    table.add({printable(layer.name), printable(layer.op), printable(layer.node), to_string(layer.shape),
               layer.cut ? "cut" : "", affine_text(layer)});
  }
  return table.text();
}

}  // namespace

std::pair<std::string, Shape> parse_named_shape(std::string_view text) {
  // Names may contain '=', shapes do not.
  const std::size_t at = text.rfind('=');
  if (at == std::string_view::npos || at == 0) {
    throw Error(Code::kInvalidArgument, fmt::format("--shape: '{}' is not NAME=AxBxC", text));
  }
  return {std::string(text.substr(0, at)), parse_extents(text.substr(at + 1), "--shape")};
}

std::string inspection_text(const Inspection& inspection, const std::string& model) {
  std::string text = fmt::format("model     {}\n", printable(model));
  text += fmt::format("producer  {}; IR version {}, opset {}\n",
                      inspection.producer.empty() ? "not named" : printable(inspection.producer), inspection.ir_version,
                      inspection.opset);
  text += fmt::format("size      {} nodes, {} primitives, {} parameters\n", inspection.onnx_nodes,
                      inspection.primitives, inspection.parameters);
  text += fmt::format("sha256    {}\n", inspection.sha256);
  text += ports_text("input     ", inspection.inputs);
  text += ports_text("output    ", inspection.outputs);
  text += fmt::format("target    {}", printable(inspection.target));
  if (!inspection.target_note.empty()) text += fmt::format("  ({})", printable(inspection.target_note));
  text += fmt::format("\nbatching  {}\n", printable(inspection.batching));
  std::vector<std::string> path;
  for (const std::string& name : inspection.path) path.push_back(printable(name));
  text += fmt::format("path      begins at {}\n",
                      path.empty() ? "no tensor: nothing moves" : fmt::format("{}", fmt::join(path, ", ")));
  for (const GradientStop& stop : inspection.gradient_stops) {
    text += fmt::format("stop      {} '{}' {}\n", printable(stop.op), printable(stop.node), stop.reason);
  }
  text += '\n';
  if (inspection.layers.empty()) return text + "No layer lies between an input and the target.\n";
  text += layers_table(inspection.layers);
  return text +
         "\ncut: every path from the inputs to the target crosses it, so attributions sum to F(x) - F(x').\n"
         "affine from input, to target: one gradient there is exact.\n";
}

void run_inspect(const InspectArguments& arguments) {
  InspectOptions options;
  options.output = arguments.output;
  options.probability = arguments.probability;
  for (const std::string& shape : arguments.shapes) options.input_shapes.insert(parse_named_shape(shape));
  options.at = arguments.at;
  bound_process(arguments.max_memory);
  const Model model = Model::load(arguments.model, {.one_example = arguments.one_example,
                                                    .limits = make_limits(arguments.limits, arguments.max_memory)});
  std::vector<NamedText> inputs;
  for (const std::string& input : arguments.inputs) inputs.push_back(parse_named(input, model.inputs()));
  options.inputs = read_inputs(inputs, model.inputs(), arguments.pictures);
  for (const auto& [name, shape] : options.input_shapes) {
    const auto ports = model.inputs();
    if (std::ranges::find(ports, name, &Port::name) == ports.end()) {
      throw Error(Code::kInvalidArgument, fmt::format("--shape {}: the model has no such input", name));
    }
  }
  const Inspection inspection = model.inspect(options);
  if (arguments.json) {
    fmt::print("{}", json_text(to_json(inspection, arguments.model)));
  } else {
    fmt::print("{}", inspection_text(inspection, arguments.model));
  }
}

}  // namespace mho::cli
