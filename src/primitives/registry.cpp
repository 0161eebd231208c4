// The table of primitives that `mho ops` prints.
#include <array>

#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

// How DeepLIFT multipliers pass; the formulas are in docs/deeplift.md.
constexpr auto kFacts = std::to_array<PrimitiveFacts>({
    {"add, sub", "yes", "linear"},
    {"mul, matmul, convolution, convolution_transpose", "in one input", "linear; symmetric split of two active inputs"},
    {"div", "in the numerator", "linear; both orders where the denominator is active"},
    {"pow, max, min, mod, fmod", "no", "rescale; both orders of two active inputs"},
    {"neg, affine", "yes", "linear"},
    {"relu, leaky_relu, elu, selu, celu, sigmoid, hard_sigmoid, tanh, softplus, softsign, erf, gelu, gelu_tanh, "
     "thresholded_relu, clip, abs, sqrt, reciprocal, exp, log, pow (constant exponent), sin, cos, tan, asin, acos, "
     "atan, sinh, cosh, asinh, acosh, atanh, sign, floor, ceil, round",
     "no", "rescale"},
    {"round_straight_through", "no", "rescale; the gradient is 1 by definition"},
    {"equal, less, less_or_equal, greater, greater_or_equal, and, or, xor, not, is_nan", "no",
     "no gradient; multipliers as for other functions"},
    {"where", "in both branches", "linear; symmetric split where the condition is active"},
    {"reshape, transpose, broadcast, slice, pad, concat, reorder", "yes", "linear"},
    {"cast", "to real", "linear; rescale to integers"},
    {"gather, scatter_add", "in the data", "linear; none for active indices"},
    {"top_k, last_writer", "no", "no gradient; none"},
    {"reduce_sum, reduce_mean", "yes", "linear"},
    {"reduce_prod", "no", "mean of two orders"},
    {"softmax, log_softmax", "no", "rescale of exp, sum, log and exp"},
    {"normalization", "no", "symmetric split of the quotient and the squares; rescale of the inverse root"},
    {"attention", "in the values", "symmetric split of both products around softmax's rule"},
    {"pool_max, reduce_max, reduce_min", "no", "both winners, both orders"},
    {"pool_average", "yes", "linear"},
});

}  // namespace

std::span<const PrimitiveFacts> all_primitives() { return kFacts; }

}  // namespace mho::primitives
