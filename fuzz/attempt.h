// A call that may refuse its input, but only in the way that is agreed.
#pragma once

#include <mho/error.h>

#include <cstdlib>

namespace mho::fuzz {

template <class Call>
void attempt(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    if (error.code() == Code::kInternal) std::abort();
  }
}

}  // namespace mho::fuzz
