// DepthToSpace 1–13 and SpaceToDepth 1–28: blocks of channels become blocks of pixels, and back.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::int64_t block_size(const NodeContext& node, const Shape& shape) {
  const std::int64_t block = node.attributes.integer("blocksize", 0);
  if (shape.size() != 4) node.invalid(fmt::format("its input of shape {} is not [N, C, H, W]", to_string(shape)));
  if (block < 1 || block > (1 << 14)) node.invalid(fmt::format("blocksize {} makes no sense", block));
  return block;
}

/// Whether the channels of a block lie apart (DCR) rather than side by side (CRD).
bool blocks_first(const NodeContext& node) {
  const std::string mode = node.attributes.string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.invalid(fmt::format("unknown mode '{}'", mode));
  return mode == "DCR";
}

std::vector<ValueId> lower_depth_to_space(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::int64_t block = block_size(node, shape);
  if (shape[1] % (block * block) != 0) node.invalid("its channels do not fill whole blocks");
  const std::int64_t channels = shape[1] / (block * block);
  ValueId x = node.input(0);
  if (blocks_first(node)) {
    x = reshape(build, x, {shape[0], block, block, channels, shape[2], shape[3]});
    x = transpose(build, x, {0, 3, 4, 1, 5, 2});
  } else {
    x = reshape(build, x, {shape[0], channels, block, block, shape[2], shape[3]});
    x = transpose(build, x, {0, 1, 4, 2, 5, 3});
  }
  return {reshape(build, x, {shape[0], channels, shape[2] * block, shape[3] * block})};
}

std::vector<ValueId> lower_space_to_depth(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::int64_t block = block_size(node, shape);
  if (shape[2] % block != 0 || shape[3] % block != 0) node.invalid("its height and width do not fill whole blocks");
  const std::int64_t height = shape[2] / block;
  const std::int64_t width = shape[3] / block;
  ValueId x = reshape(build, node.input(0), {shape[0], shape[1], height, block, width, block});
  x = transpose(build, x, blocks_first(node) ? Shape{0, 3, 5, 1, 2, 4} : Shape{0, 1, 3, 5, 2, 4});
  return {reshape(build, x, {shape[0], shape[1] * block * block, height, width})};
}

}  // namespace

std::vector<Operator> depth_to_space_operators() {
  return {
      {.type = "DepthToSpace", .since = 1, .lowering = lower_depth_to_space},
      {.type = "SpaceToDepth", .since = 1, .lowering = lower_space_to_depth},
  };
}

}  // namespace mho::onnx::ops
