// A line on the terminal that says how far a run is and how long it will take.
#pragma once

#include <mho/attribution.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace mho::cli {

/// "[########................] 12/36 examples  33 %  1480 evaluations  0:42 left"; no time while no example is done.
[[nodiscard]] std::string progress_text(const Progress& progress, double seconds);
/// "0:42", "1:02:03".
[[nodiscard]] std::string duration_text(double seconds);

/// Writes to stderr where that is a terminal and `wanted`, else nothing; wipes its line when it goes.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  void show(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool written_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
};

}  // namespace mho::cli
