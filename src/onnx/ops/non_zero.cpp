// NonZero 9–13 of constants, one row per axis: how many elements are not zero decides the result's shape.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_non_zero(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const std::vector<double> values = node.constant_reals(0, "the tensor");
  std::vector<std::vector<std::int64_t>> rows(shape.size());
  std::int64_t count = 0;
  for (std::size_t flat = 0; flat < values.size(); ++flat) {
    if (values[flat] == 0) continue;
    ++count;
    auto rest = static_cast<std::int64_t>(flat);
    for (std::size_t i = shape.size(); i-- > 0;) {
      rows[i].push_back(rest % shape[i]);
      rest /= shape[i];
    }
  }
  std::vector<std::int64_t> all;
  for (const std::vector<std::int64_t>& row : rows) all.insert(all.end(), row.begin(), row.end());
  return {node.build.integers({static_cast<std::int64_t>(shape.size()), count}, std::move(all))};
}

}  // namespace

std::vector<Operator> non_zero_operators() {
  return {
      {.type = "NonZero", .since = 9, .lowering = lower_non_zero},
  };
}

}  // namespace mho::onnx::ops
