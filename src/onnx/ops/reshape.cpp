// Reshape 1 (shape as an attribute), 5–21 (as an input): 0 copies an extent (unless allowzero), -1 is inferred.
//
// Models that declare batch 1 often hold it in the target shape. With batch_scale S, a shape whose element count is
// short by exactly the factor S gets it on its leading extent; so does one with a -1 elsewhere, which would otherwise
// swallow the batch, if its leading extent is what the leading extent of the input is at batch 1.
#include <fmt/format.h>

#include <limits>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

struct Target {
  Shape shape;
  std::ptrdiff_t inferred = -1;      ///< position of the -1
  bool leading_is_constant = false;  ///< the leading extent is given as a positive number
};

Target read_target(const NodeContext& node, const Shape& from) {
  Target target;
  if (node.has_input(1)) {
    target.shape = node.constant_integers(1, "shape");
  } else if (const auto shape = node.attributes.integers("shape")) {
    target.shape = *shape;
  } else {
    node.invalid("its target shape is missing");
  }
  const bool allow_zero = node.attributes.integer("allowzero", 0) != 0;
  target.leading_is_constant = !target.shape.empty() && target.shape[0] > 0;
  for (std::size_t i = 0; i < target.shape.size(); ++i) {
    std::int64_t& extent = target.shape[i];
    if (extent == 0 && !allow_zero) {
      if (i >= from.size()) node.invalid(fmt::format("its target copies axis {} of {}", i, to_string(from)));
      extent = from[i];
    } else if (extent == -1 && target.inferred < 0) {
      target.inferred = static_cast<std::ptrdiff_t>(i);
    } else if (extent < 0) {
      node.invalid(fmt::format("its target shape {} makes no sense", to_string(target.shape)));
    }
  }
  return target;
}

std::vector<ValueId> lower_reshape(const NodeContext& node) {
  const ValueId x = node.input(0);
  const Shape from = node.shape_of(0);
  Target target = read_target(node, from);
  Shape& shape = target.shape;
  const std::int64_t count = element_count(from);
  const bool scalable = node.batch_scale > 1 && target.leading_is_constant && !node.build.is_constant(x);
  const auto fail = [&] {
    node.invalid(
        fmt::format("an input of shape {} does not fit the target shape {}", to_string(from), to_string(shape)));
  };
  if (target.inferred >= 0) {
    const auto inferred = static_cast<std::size_t>(target.inferred);
    if (scalable && !from.empty() && from[0] % node.batch_scale == 0 && from[0] / node.batch_scale == shape[0]) {
      shape[0] = from[0];
    }
    shape[inferred] = 1;
    const std::int64_t others = element_count(shape);
    shape[inferred] = -1;
    if (others == 0 || count % others != 0) fail();
    shape[inferred] = count / others;
  } else if (scalable && count % node.batch_scale == 0 && element_count(shape) == count / node.batch_scale) {
    // Without elements nothing bounds the product.
    if (shape[0] > std::numeric_limits<std::int64_t>::max() / node.batch_scale) fail();
    shape[0] *= node.batch_scale;
  }
  if (element_count(shape) != count) fail();
  return {reshape(node.build, x, std::move(shape))};
}

}  // namespace

std::vector<Operator> reshape_operators() {
  return {
      {.type = "Reshape", .since = 1, .lowering = lower_reshape},
  };
}

}  // namespace mho::onnx::ops
