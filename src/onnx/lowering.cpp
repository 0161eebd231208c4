// NodeContext's helpers and the look-up in the table of lowerings.
#include "onnx/lowering.h"

#include <fmt/format.h>
#include <mho/error.h>

namespace mho::onnx {

namespace {

std::string message_of(const NodeContext& node, const std::string& message) {
  return fmt::format("{} node '{}': {}", node.type, node.name, message);
}

}  // namespace

void NodeContext::invalid(const std::string& message) const {
  throw Error(Code::kInvalidModel, message_of(*this, message));
}

void NodeContext::unsupported(const std::string& message) const {
  throw Error(Code::kUnsupported, message_of(*this, message));
}

ValueId NodeContext::input(std::size_t i) const {
  if (!has_input(i)) invalid(fmt::format("input {} is missing", i));
  return inputs[i];
}

std::vector<std::int64_t> NodeContext::constant_integers(std::size_t i, std::string_view what) const {
  const auto values = build.integers_of(input(i));
  if (!values) unsupported(fmt::format("{} (input {}) must be a constant or follow from shapes", what, i));
  return *values;
}

std::vector<double> NodeContext::constant_reals(std::size_t i, std::string_view what) const {
  const auto values = build.reals_of(input(i));
  if (!values) unsupported(fmt::format("{} (input {}) must be a constant or follow from shapes", what, i));
  return *values;
}

std::int64_t NodeContext::normalized_axis(std::int64_t axis, std::size_t rank) const {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    invalid(fmt::format("axis {} is outside a tensor of rank {}", axis, rank));
  }
  return axis < 0 ? axis + signed_rank : axis;
}

const Operator* find_operator(std::string_view domain, std::string_view type, std::int64_t opset) {
  const std::string_view wanted = domain == "ai.onnx" ? "" : domain;
  const Operator* best = nullptr;
  for (const Operator& entry : operators()) {
    if (entry.domain != wanted || entry.type != type || entry.since > opset) continue;
    if (best == nullptr || entry.since > best->since) best = &entry;
  }
  return best;
}

}  // namespace mho::onnx
