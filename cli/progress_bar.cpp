// A line on the terminal that says how far a run is and how long it will take.
#include "progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mho::cli {

namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kInterval{100};

/// A line that wraps could not be wiped.
std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - std::size_t{1} : 79;
}

}  // namespace

std::string duration_text(double seconds) {
  constexpr double kLongest = 999.0 * 3600.0;
  const auto whole = static_cast<std::int64_t>(std::ceil(std::clamp(seconds, 0.0, kLongest)));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string progress_text(const Progress& progress, double seconds) {
  const auto total = static_cast<double>(std::max<std::int64_t>(progress.examples, 1));
  const double share = std::clamp(static_cast<double>(progress.examples_done) / total, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(share * kBarWidth);
  std::string text = fmt::format("[{}{}] {}/{} examples  {:.0f} %  {} evaluations", std::string(full, '#'),
                                 std::string(kBarWidth - full, '.'), progress.examples_done, progress.examples,
                                 std::floor(100 * share), progress.evaluations);
  if (share > 0) text += fmt::format("  {} left", duration_text(seconds * (1 - share) / share));
  return text;
}

ProgressBar::ProgressBar(bool wanted) : enabled_(wanted && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (!written_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

void ProgressBar::show(const Progress& progress) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (written_ && now - last_ < kInterval) return;
  last_ = now;
  written_ = true;
  std::string text = progress_text(progress, std::chrono::duration<double>(now - start_).count());
  text.resize(std::min(text.size(), terminal_columns()));
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
}

}  // namespace mho::cli
