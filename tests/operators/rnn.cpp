// RNN: see recurrent_cases.h.
#include "support/recurrent_cases.h"

namespace mho::testing::ops {

OperatorCases rnn_cases(Draw& draw) { return {recurrent_case(draw, "RNN", 1, 1), recurrent_case(draw, "RNN", 1, 1)}; }

}  // namespace mho::testing::ops
