// Work done in child processes, so that a crash or a hang ends one of them and is told.
#include "hostile/workers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>

namespace mho::testing {

namespace {

/// What a worker writes before and after each seed; smaller than a pipe's buffer, so whole.
struct Record {
  std::uint64_t seed = 0;
  bool finished = false;
  Outcome outcome = Outcome::kRefused;
  double seconds = 0;
  std::int64_t peak_bytes = 0;
  char message[400] = {};
};

std::int64_t peak_bytes() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return std::int64_t{used.ru_maxrss} << 10;
}

double processor_seconds(clockid_t clock) {
  timespec now{};
  if (::clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// A child process that works through its seeds and ends.
class Worker {
 public:
  /// Every `stride`-th seed from `next` to `end`.
  Worker(std::uint64_t next, std::uint64_t end, std::uint64_t stride, const Bounds& bounds,
         const std::function<Attempt(std::uint64_t)>& attempt)
      : next_(next), end_(end), stride_(stride) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(fmt::format("pipe: {}", std::strerror(errno)));
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error(fmt::format("fork: {}", std::strerror(errno)));
    if (pid_ == 0) {
      ::close(ends[0]);
      work(ends[1], bounds, attempt);
    }
    ::close(ends[1]);
    from_ = ends[0];
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait());
    ::close(from_);
  }

  [[nodiscard]] int descriptor() const { return from_; }
  [[nodiscard]] std::uint64_t next() const { return next_; }
  [[nodiscard]] bool done() const { return next_ >= end_; }

  /// Takes one record; false at the end of the worker.
  bool read(const Bounds& bounds, Tally& tally) {
    Record record;
    if (::read(from_, &record, sizeof(record)) != static_cast<ssize_t>(sizeof(record))) return false;
    if (!record.finished) {
      clockid_t clock{};
      started_ = ::clock_getcpuclockid(pid_, &clock) == 0 ? processor_seconds(clock) : 0;
      base_ = record.peak_bytes;
      return true;
    }
    next_ = record.seed + stride_;
    ++tally.done;
    ++tally.outcomes[static_cast<std::size_t>(record.outcome)];
    tally.peak_bytes = std::max(tally.peak_bytes, record.peak_bytes);
    if (record.seconds > tally.slowest) {
      tally.slowest = record.seconds;
      tally.slowest_seed = record.seed;
    }
    if (record.outcome == Outcome::kWrong) tally.failures.push_back({record.seed, record.message});
    if (record.peak_bytes > bounds.memory && record.peak_bytes > base_) {
      tally.failures.push_back({record.seed, fmt::format("{} MiB were in memory", record.peak_bytes >> 20)});
    }
    return true;
  }
  [[nodiscard]] bool too_slow(const Bounds& bounds) const {
    clockid_t clock{};
    return ::clock_getcpuclockid(pid_, &clock) == 0 && processor_seconds(clock) - started_ > bounds.seconds;
  }
  /// The seed that it was at is given up.
  void give_up(const std::string& why, Tally& tally) {
    ++tally.done;
    tally.failures.push_back({next_, why});
    next_ += stride_;
  }
  void kill() const { ::kill(pid_, SIGKILL); }
  /// How it ended.
  std::string wait() {
    if (reaped_) return {};
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return WIFSIGNALED(status) ? fmt::format("ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)))
                               : fmt::format("ended with status {}", WEXITSTATUS(status));
  }

 private:
  [[noreturn]] void work(int to, const Bounds& bounds, const std::function<Attempt(std::uint64_t)>& attempt) const {
    if (bounds.address_space) {
      const rlimit most{static_cast<rlim_t>(4 * bounds.memory), static_cast<rlim_t>(4 * bounds.memory)};
      ::setrlimit(RLIMIT_DATA, &most);
    }
    const auto send = [&](const Record& record) {
      if (::write(to, &record, sizeof(record)) != static_cast<ssize_t>(sizeof(record))) ::_exit(3);
    };
    for (std::uint64_t seed = next_; seed < end_; seed += stride_) {
      Record record{.seed = seed, .peak_bytes = peak_bytes()};
      send(record);
      const double before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
      const Attempt result = attempt(seed);
      record.seconds = processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
      record.finished = true;
      record.outcome = result.outcome;
      record.peak_bytes = peak_bytes();
      result.message.copy(record.message, sizeof(record.message) - 1);
      send(record);
    }
    // Leak checks and destructors of the test program are the parent's.
    ::_exit(0);
  }

  std::uint64_t next_;
  std::uint64_t end_;
  std::uint64_t stride_;
  pid_t pid_ = -1;
  int from_ = -1;
  double started_ = 0;
  std::int64_t base_ = 0;
  bool reaped_ = false;
};

}  // namespace

Tally run_seeds(std::uint64_t first, std::uint64_t count, int workers, const Bounds& bounds,
                const std::function<Attempt(std::uint64_t)>& attempt) {
  Tally tally;
  const std::uint64_t end = first + count;
  const auto stride = static_cast<std::uint64_t>(std::max(1, workers));
  std::vector<std::unique_ptr<Worker>> running;
  const auto start = [&](std::uint64_t next) {
    if (next < end) running.push_back(std::make_unique<Worker>(next, end, stride, bounds, attempt));
  };
  for (std::uint64_t w = 0; w < stride; ++w) start(first + w);
  while (!running.empty()) {
    std::vector<pollfd> waiting;
    for (const auto& worker : running) waiting.push_back({worker->descriptor(), POLLIN, 0});
    ::poll(waiting.data(), waiting.size(), 500);
    std::vector<std::uint64_t> again;
    std::vector<std::unique_ptr<Worker>> alive;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      Worker& worker = *running[i];
      const bool spoke = (waiting[i].revents & (POLLIN | POLLHUP)) != 0;
      if (spoke && worker.read(bounds, tally)) {
        alive.push_back(std::move(running[i]));
      } else if (spoke) {
        const std::string how = worker.wait();
        if (!worker.done()) worker.give_up(how, tally);
        again.push_back(worker.next());
      } else if (worker.too_slow(bounds)) {
        worker.kill();
        static_cast<void>(worker.wait());
        worker.give_up(fmt::format("more than {} seconds", bounds.seconds), tally);
        again.push_back(worker.next());
      } else {
        alive.push_back(std::move(running[i]));
      }
    }
    running = std::move(alive);
    for (const std::uint64_t next : again) start(next);
  }
  return tally;
}

}  // namespace mho::testing
