// Scan 8 and 9-25, unrolled along the scanned axes. Step k's tensors are called "<node>/<k>/<name>", in opset 8, which
// has a batch axis, "<node>/<example>.<k>/<name>".
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/compose/stack.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// How one run goes through its inputs and puts its outputs together.
struct Plan {
  std::size_t states = 0;
  std::vector<std::int64_t> input_axes, input_directions, output_axes, output_directions;
};

std::vector<std::int64_t> list(const NodeContext& node, const char* name, std::size_t count) {
  std::vector<std::int64_t> values = node.attributes.integers(name).value_or(std::vector<std::int64_t>(count, 0));
  if (values.size() != count)
    node.invalid(fmt::format("'{}' has {} entries instead of {}", name, values.size(), count));
  return values;
}

/// Slice `at` of `axis`, without that axis.
ValueId pick(Builder& build, ValueId x, std::int64_t axis, std::int64_t at) {
  return drop_axes(build, slice(build, x, axis, at, 1), {axis});
}

/// Final states and stacked scan outputs for these initial states and scan inputs.
std::vector<ValueId> run(const NodeContext& node, const Plan& plan, std::vector<ValueId> state,
                         const std::vector<ValueId>& scanned, const std::string& label) {
  Builder& build = node.build;
  std::vector<std::int64_t> axes;
  std::int64_t length = -1;
  for (std::size_t i = 0; i < scanned.size(); ++i) {
    const Shape& shape = build.type(scanned[i]).shape;
    axes.push_back(node.normalized_axis(plan.input_axes[i], shape.size()));
    const std::int64_t extent = shape[static_cast<std::size_t>(axes.back())];
    if (length >= 0 && extent != length) node.invalid("its scan inputs have different lengths");
    length = extent;
  }
  if (length < 1) node.unsupported("its scan inputs are empty, so that the shapes of its outputs are not known");
  if (length > kMostTrips) node.unsupported(fmt::format("it runs more than {} times", kMostTrips));
  std::vector<std::vector<ValueId>> outputs(plan.output_axes.size());
  for (std::int64_t step = 0; step < length; ++step) {
    std::vector<ValueId> inputs = state;
    for (std::size_t i = 0; i < scanned.size(); ++i) {
      inputs.push_back(pick(build, scanned[i], axes[i], plan.input_directions[i] != 0 ? length - 1 - step : step));
    }
    const std::vector<ValueId> results = node.subgraphs.lower("body", inputs, label + std::to_string(step));
    const auto split = results.begin() + static_cast<std::ptrdiff_t>(plan.states);
    state.assign(results.begin(), split);
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i].push_back(split[static_cast<std::ptrdiff_t>(i)]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (plan.output_directions[i] != 0) std::ranges::reverse(outputs[i]);
    state.push_back(stack(node, outputs[i], plan.output_axes[i]));
  }
  return state;
}

Plan plan_of(const NodeContext& node, std::size_t given) {
  const std::int64_t scanned = node.attributes.integer("num_scan_inputs", 0);
  const Subgraphs::Arity body = node.subgraphs.arity("body");
  if (scanned < 1 || scanned > static_cast<std::int64_t>(given) || body.inputs != given) {
    node.invalid(fmt::format("it has {} inputs, {} of them scanned, and its body has {}", given, scanned, body.inputs));
  }
  Plan plan;
  plan.states = given - static_cast<std::size_t>(scanned);
  if (body.outputs < plan.states) node.invalid("its body returns fewer values than there are states");
  const std::size_t outputs = body.outputs - plan.states;
  const auto count = static_cast<std::size_t>(scanned);
  const bool old = node.opset < 9;
  plan.input_axes = old ? std::vector<std::int64_t>(count, 0) : list(node, "scan_input_axes", count);
  plan.input_directions = list(node, old ? "directions" : "scan_input_directions", count);
  plan.output_axes = old ? std::vector<std::int64_t>(outputs, 0) : list(node, "scan_output_axes", outputs);
  plan.output_directions = old ? std::vector<std::int64_t>(outputs, 0) : list(node, "scan_output_directions", outputs);
  return plan;
}

std::vector<ValueId> lower_scan(const NodeContext& node) {
  const Plan plan = plan_of(node, node.inputs.size());
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(node.input(i));
  const auto split = inputs.begin() + static_cast<std::ptrdiff_t>(plan.states);
  return run(node, plan, {inputs.begin(), split}, {split, inputs.end()}, {});
}

std::vector<ValueId> lower_scan_8(const NodeContext& node) {
  Builder& build = node.build;
  if (node.inputs.empty()) node.invalid("it has no inputs");
  if (node.has_input(0)) node.unsupported("sequence_lens (input 0) is not supported");
  const Plan plan = plan_of(node, node.inputs.size() - 1);
  if (node.shape_of(1).empty()) node.invalid("its inputs have no batch axis");
  const std::int64_t batch = node.shape_of(1)[0];
  if (batch < 1 || batch > kMostTrips) node.unsupported(fmt::format("a batch of {}", batch));
  std::vector<std::vector<ValueId>> results;
  for (std::int64_t example = 0; example < batch; ++example) {
    std::vector<ValueId> inputs;
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      const Shape& shape = node.shape_of(i);
      if (shape.empty() || shape[0] != batch) node.invalid("its inputs have different batches");
      inputs.push_back(pick(build, node.input(i), 0, example));
    }
    const auto split = inputs.begin() + static_cast<std::ptrdiff_t>(plan.states);
    results.push_back(run(node, plan, {inputs.begin(), split}, {split, inputs.end()}, std::to_string(example) + "."));
  }
  std::vector<ValueId> outputs;
  for (std::size_t i = 0; i < results.front().size(); ++i) {
    std::vector<ValueId> slices;
    for (const std::vector<ValueId>& one : results) slices.push_back(one[i]);
    outputs.push_back(stack(node, slices, 0));
  }
  return outputs;
}

}  // namespace

std::vector<Operator> scan_operators() {
  return {
      {.type = "Scan", .since = 8, .lowering = lower_scan_8},
      {.type = "Scan", .since = 9, .lowering = lower_scan},
  };
}

}  // namespace mho::onnx::ops
