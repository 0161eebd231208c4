// Reading `-b`: where the path begins.
#include "baselines.h"

#include <fmt/format.h>

#include <algorithm>

#include "text.h"

namespace mho::cli {

namespace {

/// One example of `input`, every element `number`.
Array filled(const Array& input, const Port& port, double number) {
  Shape shape = input.shape();
  if (has_example_axis(port, shape)) shape[0] = 1;
  Array array(DType::f64, shape);
  std::ranges::fill(array.as<double>(), number);
  return array;
}

}  // namespace

Baseline read_baseline(const std::vector<std::string>& arguments, std::span<const Port> ports, const Inputs& inputs,
                       const PictureArguments& pictures) {
  if (arguments.empty()) return 0.0;
  if (arguments.size() == 1) {
    if (arguments[0] == "mean") return MeanBaseline{};
    if (const auto number = parse_real(arguments[0])) return *number;
  }
  std::vector<NamedText> files;
  Inputs arrays;
  for (const std::string& argument : arguments) {
    NamedText named = parse_named(argument, ports);
    const auto number = parse_real(named.value);
    if (!number && !is_input_file(parse_reference(named.value).file)) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("-b {}: neither a number, nor mean, nor a file that -i reads", argument));
    }
    if (!number) {
      files.push_back(std::move(named));
      continue;
    }
    const auto input = inputs.find(named.input);
    const auto port = std::ranges::find(ports, named.input, &Port::name);
    if (port != ports.end() && input == inputs.end()) {
      arrays[named.input] = Array({}, std::vector<double>{*number});
      continue;
    }
    if (named.input.empty() || input == inputs.end()) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("-b {}: several baselines need names, each NAME=NUMBER or NAME=FILE", argument));
    }
    arrays[named.input] = filled(input->second, *port, *number);
  }
  arrays.merge(read_inputs(files, ports, pictures));
  return arrays;
}

}  // namespace mho::cli
