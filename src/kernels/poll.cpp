// Asks, between the operators of a run, whether the run is still wanted.
#include "kernels/poll.h"

#include <mho/error.h>

namespace mho::kernels {

namespace {

constexpr std::chrono::milliseconds kBetween{20};  // an answer may cost what drawing a progress bar does

}  // namespace

Poll::Poll(std::function<bool()> wanted) : wanted_(std::move(wanted)) {}

void Poll::operator()() {
  if (!cancelled_ && std::this_thread::get_id() == owner_ && Clock::now() >= next_) {
    if (!wanted_()) cancelled_ = true;
    next_ = Clock::now() + kBetween;
  }
  if (cancelled_) throw Error(Code::kCancelled, "cancelled");
}

}  // namespace mho::kernels
