// Declarations of all lowerings; each is defined in a file named after its operator, or after its family.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

std::vector<ValueId> lower_arg_extremum(const NodeContext& node);
std::vector<ValueId> lower_average_pool(const NodeContext& node);
std::vector<ValueId> lower_batch_normalization(const NodeContext& node);
std::vector<ValueId> lower_binary(const NodeContext& node);
std::vector<ValueId> lower_cast(const NodeContext& node);
std::vector<ValueId> lower_cast_like(const NodeContext& node);
std::vector<ValueId> lower_clip(const NodeContext& node);
std::vector<ValueId> lower_clip_6(const NodeContext& node);
std::vector<ValueId> lower_concat(const NodeContext& node);
std::vector<ValueId> lower_constant(const NodeContext& node);
std::vector<ValueId> lower_constant_of_shape(const NodeContext& node);
std::vector<ValueId> lower_conv(const NodeContext& node);
std::vector<ValueId> lower_conv_transpose(const NodeContext& node);
std::vector<ValueId> lower_cum_sum(const NodeContext& node);
std::vector<ValueId> lower_depth_to_space(const NodeContext& node);
std::vector<ValueId> lower_dropout(const NodeContext& node);
std::vector<ValueId> lower_expand(const NodeContext& node);
std::vector<ValueId> lower_eye_like(const NodeContext& node);
std::vector<ValueId> lower_flatten(const NodeContext& node);
std::vector<ValueId> lower_gather(const NodeContext& node);
std::vector<ValueId> lower_gather_elements(const NodeContext& node);
std::vector<ValueId> lower_gather_nd(const NodeContext& node);
std::vector<ValueId> lower_gelu(const NodeContext& node);
std::vector<ValueId> lower_gemm(const NodeContext& node);
std::vector<ValueId> lower_global_average_pool(const NodeContext& node);
std::vector<ValueId> lower_global_lp_pool(const NodeContext& node);
std::vector<ValueId> lower_global_max_pool(const NodeContext& node);
std::vector<ValueId> lower_group_normalization(const NodeContext& node);
std::vector<ValueId> lower_hardmax(const NodeContext& node);
std::vector<ValueId> lower_hard_swish(const NodeContext& node);
std::vector<ValueId> lower_identity(const NodeContext& node);
std::vector<ValueId> lower_instance_normalization(const NodeContext& node);
std::vector<ValueId> lower_is_inf(const NodeContext& node);
std::vector<ValueId> lower_layer_normalization(const NodeContext& node);
std::vector<ValueId> lower_log_softmax(const NodeContext& node);
std::vector<ValueId> lower_log_softmax_flattened(const NodeContext& node);
std::vector<ValueId> lower_lp_normalization(const NodeContext& node);
std::vector<ValueId> lower_lp_pool(const NodeContext& node);
std::vector<ValueId> lower_lrn(const NodeContext& node);
std::vector<ValueId> lower_matmul(const NodeContext& node);
std::vector<ValueId> lower_max(const NodeContext& node);
std::vector<ValueId> lower_max_pool(const NodeContext& node);
std::vector<ValueId> lower_mean(const NodeContext& node);
std::vector<ValueId> lower_mean_variance_normalization(const NodeContext& node);
std::vector<ValueId> lower_min(const NodeContext& node);
std::vector<ValueId> lower_mish(const NodeContext& node);
std::vector<ValueId> lower_mod(const NodeContext& node);
std::vector<ValueId> lower_one_hot(const NodeContext& node);
std::vector<ValueId> lower_pad(const NodeContext& node);
std::vector<ValueId> lower_pow(const NodeContext& node);
std::vector<ValueId> lower_prelu(const NodeContext& node);
std::vector<ValueId> lower_range(const NodeContext& node);
std::vector<ValueId> lower_reduce(const NodeContext& node);
std::vector<ValueId> lower_reduce_log_sum_exp(const NodeContext& node);
std::vector<ValueId> lower_reshape(const NodeContext& node);
std::vector<ValueId> lower_resize(const NodeContext& node);
std::vector<ValueId> lower_rms_normalization(const NodeContext& node);
std::vector<ValueId> lower_shape(const NodeContext& node);
std::vector<ValueId> lower_shrink(const NodeContext& node);
std::vector<ValueId> lower_size(const NodeContext& node);
std::vector<ValueId> lower_slice(const NodeContext& node);
std::vector<ValueId> lower_softmax(const NodeContext& node);
std::vector<ValueId> lower_softmax_flattened(const NodeContext& node);
std::vector<ValueId> lower_space_to_depth(const NodeContext& node);
std::vector<ValueId> lower_split(const NodeContext& node);
std::vector<ValueId> lower_squeeze(const NodeContext& node);
std::vector<ValueId> lower_sum(const NodeContext& node);
std::vector<ValueId> lower_swish(const NodeContext& node);
std::vector<ValueId> lower_tile(const NodeContext& node);
std::vector<ValueId> lower_transpose(const NodeContext& node);
std::vector<ValueId> lower_trilu(const NodeContext& node);
std::vector<ValueId> lower_unary(const NodeContext& node);
std::vector<ValueId> lower_unsqueeze(const NodeContext& node);
std::vector<ValueId> lower_upsample(const NodeContext& node);
std::vector<ValueId> lower_where(const NodeContext& node);

}  // namespace mho::onnx::ops
