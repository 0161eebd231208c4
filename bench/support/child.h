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

/// A field of /proc/self/status, in MiB.
inline double memory_status_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == field && status >> kib) return kib / 1024;
  }
  return 0;
}

/// The most memory this process had resident.
inline double peak_memory_mib() { return memory_status_mib("VmHWM:"); }
/// What it has now.
inline double resident_memory_mib() { return memory_status_mib("VmRSS:"); }

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
