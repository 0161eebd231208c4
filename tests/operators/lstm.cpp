// LSTM: see recurrent_cases.h.
#include "support/recurrent_cases.h"

namespace mho::testing::ops {

OperatorCases lstm_cases(Draw& draw) {
  return {recurrent_case(draw, "LSTM", 4, 2), recurrent_case(draw, "LSTM", 4, 2)};
}

}  // namespace mho::testing::ops
