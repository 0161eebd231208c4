// The table of primitives that `mho ops` prints.
#include <array>

#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

// "linear" and "rescale" are rules of DeepLIFT (MATHS.md section 3); "later" marks primitives whose rule is not
// written.
constexpr auto kFacts = std::to_array<PrimitiveFacts>({
    {"add, sub", "yes", "linear"},
    {"mul, matmul, convolution, convolution_transpose", "in one input", "linear; product of two active inputs later"},
    {"div", "in the numerator", "linear; active denominator later"},
    {"pow, max, min, mod, fmod", "no", "later"},
    {"neg, affine", "yes", "linear"},
    {"relu, leaky_relu, elu, selu, celu, sigmoid, hard_sigmoid, tanh, softplus, softsign, erf, gelu, gelu_tanh, "
     "thresholded_relu, clip, abs, sqrt, reciprocal, exp, log, pow (constant exponent), sin, cos, tan, asin, acos, "
     "atan, sinh, cosh, asinh, acosh, atanh, sign, floor, ceil, round",
     "no", "rescale"},
    {"equal, less, less_or_equal, greater, greater_or_equal, and, or, xor, not, is_nan", "no", "no gradient"},
    {"where", "in both branches", "linear; active condition later"},
    {"reshape, transpose, broadcast, slice, pad, concat, reorder", "yes", "linear"},
    {"cast", "to real", "linear"},
    {"gather", "in the data", "linear"},
    {"reduce_sum, reduce_mean", "yes", "linear"},
    {"reduce_prod, reduce_max, reduce_min", "no", "later"},
    {"softmax, log_softmax", "no", "later"},
    {"pool_max", "no", "later"},
    {"pool_average", "yes", "linear"},
});

}  // namespace

std::span<const PrimitiveFacts> all_primitives() { return kFacts; }

}  // namespace mho::primitives
