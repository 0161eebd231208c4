// Runs the program and keeps what it printed.
#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "temporary_folder.h"

namespace mho::cli {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

bool catches_interrupt(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigCgt:")) return (std::stoull(line.substr(7), nullptr, 16) >> (SIGINT - 1) & 1) != 0;
  }
  return false;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, std::string folder,
                 const std::vector<std::string>& environment)
    : folder_(std::move(folder)) {
  std::vector<std::string> words = {MHO_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Tests run beside each other: threads that spin while they wait would take the cores from one another.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  std::vector<std::string> settings = environment;
  std::vector<char*> variables;
  for (std::string& setting : settings) variables.push_back(setting.data());
  for (char** it = environ; *it != nullptr; ++it) variables.push_back(*it);
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string out = folder_ + "/stdout";
  const std::string err = folder_ + "/stderr";
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addchdir_np(&actions, MHO_SOURCE_DIR);
  const int failed = posix_spawn(&pid_, MHO_PROGRAM, &actions, nullptr, argv.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("the program could not be started: " MHO_PROGRAM);
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Process::handles_interrupts() const {
  const Clock::time_point end = Clock::now() + 10s;
  while (Clock::now() < end) {
    if (catches_interrupt(pid_)) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

void Process::interrupt() const { ::kill(pid_, SIGINT); }
void Process::kill() const { ::kill(pid_, SIGKILL); }

Finished Process::wait(int seconds) {
  int status = 0;
  const Clock::time_point end = Clock::now() + std::chrono::seconds(seconds);
  struct rusage usage {};
  while (wait4(pid_, &status, WNOHANG, &usage) == 0) {
    if (Clock::now() > end) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(1ms);
  }
  pid_ = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(folder_ + "/stdout"),
          read_text(folder_ + "/stderr"), usage.ru_maxrss};
}

Finished run_program(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  return Process(arguments, folder / ".").wait();
}

}  // namespace mho::cli
