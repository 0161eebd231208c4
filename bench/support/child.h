// Runs one measurement in a process of its own, so that its peak memory is its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>

namespace mho::bench {

/// "VmHWM" of this process: the most memory it had resident, in MiB.
inline double peak_memory_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1024;
  }
  return 0;
}

/// What `measure` returns in a forked process; nothing if it died. T must be plain data.
template <class T>
std::optional<T> in_child(const std::function<T()>& measure) {
  static_assert(std::is_trivially_copyable_v<T>);
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    close(ends[0]);
    int status = 1;
    try {
      const T value = measure();
      status = write(ends[1], &value, sizeof(T)) == static_cast<ssize_t>(sizeof(T)) ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    std::_Exit(status);
  }
  close(ends[1]);
  T value;
  const bool whole = read(ends[0], &value, sizeof(T)) == static_cast<ssize_t>(sizeof(T));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!whole || status != 0) return std::nullopt;
  return value;
}

}  // namespace mho::bench
