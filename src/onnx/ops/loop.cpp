// Loop 1-25, unrolled: the trip count and every condition must be constants (follow from shapes). Iteration k's tensors
// are called "<node>/<k>/<name>".
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/stack.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// A constant truth value; `otherwise` for an input that is left out.
bool truth(const NodeContext& node, ValueId value, const char* what) {
  const auto constant = node.build.integers_of(value);
  if (!constant) {
    node.unsupported(
        fmt::format("{} depends on data; loops whose course follows from shapes, constants or inputs that "
                    "all examples share are unrolled",
                    what));
  }
  if (constant->size() != 1) node.invalid(fmt::format("{} is not a single value", what));
  return constant->front() != 0;
}

std::vector<ValueId> lower_loop(const NodeContext& node) {
  Builder& build = node.build;
  const Subgraphs::Arity body = node.subgraphs.arity("body");
  const std::size_t carried = node.inputs.size() < 2 ? 0 : node.inputs.size() - 2;
  if (body.inputs != carried + 2 || body.outputs < carried + 1) {
    node.invalid(
        fmt::format("its body has {} inputs and {} outputs for {} carried values", body.inputs, body.outputs, carried));
  }
  std::optional<std::int64_t> trips;
  if (node.has_input(0)) {
    const std::vector<std::int64_t> count = node.constant_integers(0, "the trip count");
    if (count.size() != 1) node.invalid("its trip count is not a single value");
    trips = count.front();
  }
  bool goes_on = !node.has_input(1) || truth(node, node.input(1), "its first condition");
  std::vector<ValueId> state;
  for (std::size_t i = 0; i < carried; ++i) state.push_back(node.input(i + 2));
  std::vector<std::vector<ValueId>> scans(body.outputs - carried - 1);
  // Ends: every run counts against the limit on nodes, even that of an empty body.
  std::int64_t trip = 0;
  for (; goes_on && (!trips || trip < *trips); ++trip) {
    if (trip == kMostTrips) node.unsupported(fmt::format("it runs more than {} times", kMostTrips));
    std::vector<ValueId> inputs{build.integers({}, {trip}), cast(build, build.integers({}, {1}), DType::b8)};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const std::vector<ValueId> outputs = node.subgraphs.lower("body", inputs, std::to_string(trip));
    goes_on = truth(node, outputs[0], "its condition");
    state.assign(outputs.begin() + 1, outputs.begin() + 1 + static_cast<std::ptrdiff_t>(carried));
    for (std::size_t i = 0; i < scans.size(); ++i) scans[i].push_back(outputs[1 + carried + i]);
  }
  for (const std::vector<ValueId>& slices : scans) {
    if (slices.empty()) node.unsupported("it runs not once, so that the shape of its scan outputs is not known");
    state.push_back(stack(node, slices, 0));
  }
  return state;
}

}  // namespace

std::vector<Operator> loop_operators() {
  return {
      {.type = "Loop", .since = 1, .lowering = lower_loop},
  };
}

}  // namespace mho::onnx::ops
