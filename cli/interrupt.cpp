// Ctrl-C as a question that the computation is asked, not as a sudden end.
#include "interrupt.h"

namespace mho::cli {

namespace {

// A signal handler can reach nothing but a static.
volatile std::sig_atomic_t interrupted = 0;

void remember(int) { interrupted = 1; }

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_);
}

InterruptGuard::~InterruptGuard() { sigaction(SIGINT, &previous_, nullptr); }

bool InterruptGuard::requested() noexcept { return interrupted != 0; }

}  // namespace mho::cli
