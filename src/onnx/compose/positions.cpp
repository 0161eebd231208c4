// Integer arithmetic for operators that move elements by index. What is constant is folded while it is built.
#include "onnx/compose/positions.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

namespace {

/// More updates for one row than this are not combined one by one.
constexpr std::size_t kMostRounds = 256;

ValueId where(Builder& build, ValueId condition, ValueId yes, ValueId no) {
  return build.apply1(primitives::make_where(), {condition, yes, no});
}

ValueId number(Builder& build, std::int64_t value) { return build.integers({}, {value}); }

/// Row r of round k is the k-th update for row r, or -1.
std::vector<std::vector<std::int64_t>> rounds_of(const Builder& build, const std::vector<std::int64_t>& positions,
                                                 std::int64_t rows) {
  std::vector<std::vector<std::int64_t>> rounds;
  build.expect(rows);
  std::vector<std::size_t> seen(static_cast<std::size_t>(rows), 0);
  for (std::size_t k = 0; k < positions.size(); ++k) {
    const auto row = static_cast<std::size_t>(positions[k]);
    const std::size_t round = seen[row]++;
    if (round == kMostRounds) return {};
    if (round == rounds.size()) {
      build.expect(element_count({static_cast<std::int64_t>(round) + 2, rows}));
      rounds.emplace_back(static_cast<std::size_t>(rows), -1);
    }
    rounds[round][row] = static_cast<std::int64_t>(k);
  }
  return rounds;
}

ValueId combine_rows(const NodeContext& node, ValueId x, ValueId positions, ValueId updates, Binary combine) {
  Builder& build = node.build;
  const auto constant = build.integers_of(positions);
  if (!constant) {
    node.unsupported("its indices are not constants, which only the reductions 'none' and 'add' can do with");
  }
  const Shape shape = build.type(x).shape;
  const auto rounds = rounds_of(build, *constant, shape[0]);
  if (rounds.empty() && !constant->empty()) {
    node.unsupported(fmt::format("more than {} updates for one element", kMostRounds));
  }
  Shape mask_shape(shape.size(), 1);
  mask_shape[0] = shape[0];
  for (const std::vector<std::int64_t>& round : rounds) {
    std::vector<std::int64_t> mask(round.size()), sources(round.size());
    for (std::size_t r = 0; r < round.size(); ++r) {
      mask[r] = round[r] >= 0;
      sources[r] = std::max<std::int64_t>(round[r], 0);
    }
    const ValueId has = cast(build, build.integers(mask_shape, std::move(mask)), DType::b8);
    x = where(build, has, binary(build, combine, x, take(build, updates, 0, std::move(sources))), x);
  }
  return x;
}

}  // namespace

ValueId counted_from_start(const NodeContext& node, ValueId indices, std::int64_t extent, std::int64_t outside) {
  Builder& build = node.build;
  indices = cast(build, indices, DType::i64);
  if (const auto constant = build.integers_of(indices)) {
    std::vector<std::int64_t> counted = *constant;
    for (std::int64_t& index : counted) {
      if (index < -extent || index >= extent) {
        node.invalid(fmt::format("index {} is out of range for an axis of {}", index, extent));
      }
      if (index < 0) index += extent;
    }
    return build.integers(build.type(indices).shape, std::move(counted));
  }
  const ValueId negative = binary(build, Binary::less, indices, number(build, 0));
  const ValueId counted = where(build, negative, add(build, indices, number(build, extent)), indices);
  const ValueId low = binary(build, Binary::less, counted, number(build, 0));
  const ValueId high = binary(build, Binary::greater_or_equal, counted, number(build, extent));
  return where(build, binary(build, Binary::logical_or, low, high), number(build, outside), counted);
}

ValueId element_positions(const NodeContext& node, ValueId indices, const Shape& shape, std::size_t axis) {
  Builder& build = node.build;
  const Shape result = build.type(indices).shape;
  if (result.size() != shape.size()) node.invalid("indices and data differ in rank");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != axis && result[i] > shape[i]) node.invalid("its indices reach beyond the data");
  }
  const std::int64_t count = element_count(result);
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  checked_size(node, result);
  build.expect(count);
  std::vector<std::int64_t> base(static_cast<std::size_t>(count));
  for (std::int64_t flat = 0; flat < count; ++flat) {
    std::int64_t rest = flat, offset = 0;
    for (std::size_t i = shape.size(); i-- > 0;) {
      if (i != axis) offset += rest % result[i] * strides[i];
      rest /= result[i];
    }
    base[static_cast<std::size_t>(flat)] = offset;
  }
  // Anything beyond the axis becomes a position beyond the tensor.
  const std::int64_t beyond =
      shape[axis] == 0 ? 0 : element_count(shape) / std::max<std::int64_t>(strides[axis], 1) + 1;
  const ValueId counted = counted_from_start(node, indices, shape[axis], beyond);
  return add(build, mul(build, counted, number(build, strides[axis])), build.integers(result, std::move(base)));
}

ValueId slice_positions(const NodeContext& node, ValueId indices, const Shape& x, std::size_t batch_dims) {
  Builder& build = node.build;
  const Shape shape = build.type(indices).shape;
  if (shape.empty() || batch_dims >= std::min(x.size(), shape.size())) {
    node.invalid(
        fmt::format("batch_dims {} does not fit {} and indices {}", batch_dims, to_string(x), to_string(shape)));
  }
  const std::int64_t depth = shape.back();
  if (depth < 1 || depth > static_cast<std::int64_t>(x.size() - batch_dims)) {
    node.invalid(fmt::format("indices {} address more axes than {} has", to_string(shape), to_string(x)));
  }
  if (!std::equal(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(batch_dims), shape.begin())) {
    node.invalid("its batch axes differ");
  }
  std::int64_t batches = 1, slices = 1;
  for (std::size_t i = 0; i < batch_dims; ++i) batches *= x[i];
  for (std::int64_t i = 0; i < depth; ++i) slices *= x[batch_dims + static_cast<std::size_t>(i)];
  const std::int64_t count = element_count(shape) / depth;
  const std::int64_t beyond = batches * slices;
  ValueId positions = number(build, 0);
  const ValueId table = reshape(build, indices, {count, depth});
  std::int64_t stride = slices;
  for (std::int64_t i = 0; i < depth; ++i) {
    const std::int64_t extent = x[batch_dims + static_cast<std::size_t>(i)];
    stride = extent == 0 ? 0 : stride / extent;
    const ValueId column = reshape(build, slice(build, table, 1, i, 1), {count});
    const ValueId counted = counted_from_start(node, column, extent, beyond);
    positions = add(build, positions, mul(build, counted, number(build, std::max<std::int64_t>(stride, 1))));
  }
  if (batches <= 1) return positions;
  build.expect(count);
  std::vector<std::int64_t> first(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) first[static_cast<std::size_t>(k)] = k / (count / batches) * slices;
  return add(build, positions, build.integers({count}, std::move(first)));
}

ValueId take_flat(Builder& build, ValueId x, ValueId positions) {
  const ValueId flat = reshape(build, x, {build.type(x).elements()});
  return build.apply1(primitives::make_gather(0), {flat, positions});
}

ValueId scatter_rows(const NodeContext& node, ValueId x, ValueId positions, ValueId updates,
                     const std::string& reduction) {
  Builder& build = node.build;
  const std::int64_t rows = build.type(x).shape[0];
  updates = cast(build, updates, build.type(x).dtype);
  if (build.type(updates).elements() == 0) return x;
  if (reduction == "none") {
    const ValueId writer = build.apply1(primitives::make_last_writer(rows), {positions});
    build.expect(rows);
    std::vector<std::int64_t> itself(static_cast<std::size_t>(rows));
    std::iota(itself.begin(), itself.end(), 0);
    const ValueId untouched = binary(build, Binary::less, writer, number(build, 0));
    const ValueId source =
        where(build, untouched, build.integers({rows}, std::move(itself)), add(build, writer, number(build, rows)));
    const ValueId all = build.apply1(primitives::make_concat(0), {x, updates});
    return build.apply1(primitives::make_gather(0), {all, source});
  }
  if (reduction == "add") {
    if (!build.type(x).is_real() && !(build.is_constant(positions) && build.is_constant(updates))) {
      return combine_rows(node, x, positions, updates, Binary::add);
    }
    const ValueId sums = build.apply1(primitives::make_scatter_add(rows), {as_real(build, updates), positions});
    return add(build, x, cast(build, sums, build.type(x).dtype));
  }
  if (reduction == "mul") return combine_rows(node, x, positions, updates, Binary::mul);
  if (reduction == "max") return combine_rows(node, x, positions, updates, Binary::max);
  if (reduction == "min") return combine_rows(node, x, positions, updates, Binary::min);
  node.invalid(fmt::format("'{}' is no reduction", reduction));
}

}  // namespace mho::onnx::ops
