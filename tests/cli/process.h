// Runs the program and keeps what it printed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mho::cli {

struct Finished {
  int status = -1;  ///< exit status; 128 + signal where a signal ended it
  std::string output;
  std::string errors;
  std::int64_t peak_kib = 0;  ///< largest resident set
};

/// A run of the program `mho`, in the project's root, with stdout and stderr to files in `folder`.
class Process {
 public:
  /// `environment`: "NAME=VALUE", besides what this process has.
  Process(const std::vector<std::string>& arguments, std::string folder,
          const std::vector<std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  /// Waits until the program handles SIGINT itself; false if it ends or ten seconds pass first.
  [[nodiscard]] bool handles_interrupts() const;
  void interrupt() const;
  /// SIGKILL.
  void kill() const;
  /// Ends the program by force after `seconds`.
  Finished wait(int seconds = 120);

 private:
  std::string folder_;
  pid_t pid_ = -1;
};

[[nodiscard]] Finished run_program(const std::vector<std::string>& arguments);

}  // namespace mho::cli
