// Along which axes primitives work: what passes ask that take them apart by position.
#pragma once

#include <optional>

#include "primitives/primitive.h"

namespace mho::primitives {

/// The permutation.
[[nodiscard]] std::optional<Shape> as_transpose(const Primitive& p);
/// The axis.
[[nodiscard]] std::optional<std::int64_t> as_gather(const Primitive& p);
/// The first normalized axis.
[[nodiscard]] std::optional<std::int64_t> as_normalization(const Primitive& p);
[[nodiscard]] bool is_attention(const Primitive& p);

}  // namespace mho::primitives
