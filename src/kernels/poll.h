// Asks, between the operators of a run, whether the run is still wanted: long runs end soon after they are cancelled.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

namespace mho::kernels {

class Poll {
 public:
  /// `wanted` is called on the thread that made the Poll and on no other, at most every 20 ms.
  explicit Poll(std::function<bool()> wanted);
  /// From any thread. Throws Error(kCancelled) if the answer was no, to whichever thread it was given.
  void operator()();

 private:
  using Clock = std::chrono::steady_clock;
  std::function<bool()> wanted_;
  std::thread::id owner_ = std::this_thread::get_id();
  Clock::time_point next_ = Clock::now();
  std::atomic<bool> cancelled_ = false;
};

}  // namespace mho::kernels
