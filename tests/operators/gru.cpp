// GRU: see recurrent_cases.h.
#include "support/recurrent_cases.h"

namespace mho::testing::ops {

OperatorCases gru_cases(Draw& draw) { return {recurrent_case(draw, "GRU", 3, 1), recurrent_case(draw, "GRU", 3, 1)}; }

}  // namespace mho::testing::ops
