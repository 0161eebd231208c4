// If 1-25: the branch that a constant condition chooses; where the condition depends on data, both branches are
// computed and one is chosen, which needs results of the same types and shapes.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_if(const NodeContext& node) {
  Builder& build = node.build;
  if (build.type(node.input(0)).elements() != 1) node.invalid("its condition is not a single value");
  if (const auto condition = build.integers_of(node.input(0))) {
    return node.subgraphs.lower(condition->front() != 0 ? "then_branch" : "else_branch", {}, {});
  }
  const std::vector<ValueId> yes = node.subgraphs.lower("then_branch", {}, {});
  const std::vector<ValueId> no = node.subgraphs.lower("else_branch", {}, {});
  if (yes.size() != no.size()) node.invalid("its branches have different numbers of outputs");
  const ValueId condition = reshape(build, cast(build, node.input(0), DType::b8), {});
  std::vector<ValueId> outputs;
  for (std::size_t i = 0; i < yes.size(); ++i) {
    if (build.type(yes[i]) != build.type(no[i])) {
      node.unsupported(
          fmt::format("its condition depends on data and its branches give shapes {} and {}: only where "
                      "they are the same, or the condition follows from shapes, constants or inputs that "
                      "all examples share",
                      to_string(build.type(yes[i]).shape), to_string(build.type(no[i]).shape)));
    }
    outputs.push_back(build.apply1(primitives::make_where(), {condition, yes[i], no[i]}));
  }
  return outputs;
}

}  // namespace

std::vector<Operator> if_operators() {
  return {
      {.type = "If", .since = 1, .lowering = lower_if},
  };
}

}  // namespace mho::onnx::ops
