// Ctrl-C as a question that the computation is asked, not as a sudden end.
#pragma once

#include <csignal>
#include <string>

namespace mho::cli {

/// Thrown when the user stopped the run.
struct Interrupted {
  std::string kept = "nothing was written";
};

/// While one lives, the first SIGINT is remembered; a second one ends the program at once.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  [[nodiscard]] static bool requested() noexcept;

 private:
  struct sigaction previous_ {};
};

}  // namespace mho::cli
