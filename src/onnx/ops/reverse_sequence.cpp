// ReverseSequence 10: the first sequence_lens[b] slices along the time axis in reverse order, the others as they are.
#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_reverse_sequence(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::int64_t batch_axis = node.attributes.integer("batch_axis", 1);
  const std::int64_t time_axis = node.attributes.integer("time_axis", 0);
  const bool first_two = (batch_axis == 0 && time_axis == 1) || (batch_axis == 1 && time_axis == 0);
  if (shape.size() < 2 || !first_two) {
    node.invalid("batch and time must be its first two axes");
  }
  const std::int64_t steps = shape[static_cast<std::size_t>(time_axis)];
  const std::int64_t batch = shape[static_cast<std::size_t>(batch_axis)];
  if (node.shape_of(1) != Shape{batch}) node.invalid("sequence_lens does not have one number per sequence");
  const Shape times = time_axis == 0 ? Shape{steps, 1} : Shape{1, steps};
  const ValueId time = build.integers(times, axis_range(0, static_cast<std::size_t>(steps)));
  const ValueId length =
      reshape(build, cast(build, node.input(1), DType::i64), time_axis == 0 ? Shape{1, batch} : Shape{batch, 1});
  // t -> length - 1 - t inside the sequence.
  const ValueId inside = binary(build, Binary::less, time, length);
  const ValueId mirrored = sub(build, sub(build, length, build.integers({}, {1})), time);
  const ValueId from = build.apply1(primitives::make_where(), {inside, mirrored, time});
  const ValueId positions = element_positions(node, from, {shape[0], shape[1]}, static_cast<std::size_t>(time_axis));
  Shape rows{shape[0] * shape[1]};
  rows.insert(rows.end(), shape.begin() + 2, shape.end());
  const ValueId y = build.apply1(primitives::make_gather(0), {reshape(build, node.input(0), rows), positions});
  return {reshape(build, y, shape)};
}

}  // namespace

std::vector<Operator> reverse_sequence_operators() {
  return {
      {.type = "ReverseSequence", .since = 10, .lowering = lower_reverse_sequence},
  };
}

}  // namespace mho::onnx::ops
