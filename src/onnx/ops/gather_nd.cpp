// GatherND 11–13 with constant indices: the last axis of the indices addresses slices of x behind `batch_dims` shared
// leading axes. It is a Gather from x with the addressed axes flattened.
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gather_nd(const NodeContext& node) {
  const Shape x = node.shape_of(0);
  const Shape indices = node.shape_of(1);
  const std::int64_t batch_dims = node.attributes.integer("batch_dims", 0);
  if (indices.empty() || batch_dims < 0 ||
      batch_dims >= static_cast<std::int64_t>(std::min(x.size(), indices.size()))) {
    node.invalid(
        fmt::format("batch_dims {} does not fit {} and indices {}", batch_dims, to_string(x), to_string(indices)));
  }
  const auto shared = static_cast<std::size_t>(batch_dims);
  const std::int64_t depth = indices.back();
  if (depth < 1 || depth > static_cast<std::int64_t>(x.size() - shared)) {
    node.invalid(fmt::format("indices {} address more axes than {} has", to_string(indices), to_string(x)));
  }
  const auto batch = static_cast<std::ptrdiff_t>(shared);
  if (!std::equal(x.begin(), x.begin() + batch, indices.begin())) node.invalid("its batch axes differ");

  const std::vector<std::int64_t> given = node.constant_integers(1, "indices");
  const Shape batches(x.begin(), x.begin() + batch);
  const Shape addressed(x.begin() + batch, x.begin() + batch + depth);
  const Shape slice_shape(x.begin() + batch + depth, x.end());
  const std::int64_t rows = element_count(addressed);
  const std::int64_t count = static_cast<std::int64_t>(given.size()) / depth;
  const std::int64_t per_batch = count / std::max<std::int64_t>(element_count(batches), 1);
  std::vector<std::int64_t> positions;
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t position = 0;
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::int64_t extent = addressed[static_cast<std::size_t>(i)];
      const std::int64_t index = given[static_cast<std::size_t>(k * depth + i)];
      if (index < -extent || index >= extent) {
        node.invalid(fmt::format("index {} is out of range for axis {} of {}", index, batch_dims + i, to_string(x)));
      }
      position = position * extent + (index < 0 ? index + extent : index);
    }
    positions.push_back(k / per_batch * rows + position);
  }
  Shape flat{element_count(batches) * rows};
  flat.insert(flat.end(), slice_shape.begin(), slice_shape.end());
  Shape result(indices.begin(), indices.end() - 1);
  result.insert(result.end(), slice_shape.begin(), slice_shape.end());
  const ValueId taken = take(node.build, reshape(node.build, node.input(0), flat), 0, std::move(positions));
  return {reshape(node.build, taken, result)};
}

}  // namespace

std::vector<Operator> gather_nd_operators() {
  return {
      {.type = "GatherND", .since = 11, .lowering = lower_gather_nd},
  };
}

}  // namespace mho::onnx::ops
