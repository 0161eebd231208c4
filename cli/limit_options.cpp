// The options that say what a model may take and cost.
#include "limit_options.h"

#include <mho/error.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>

#include "text.h"

namespace mho::cli {

namespace {

/// Bytes of writable private memory that the process has mapped, used or not.
std::int64_t mapped_data() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::int64_t kib = 0;
    if (word == "VmData:" && status >> kib) return kib << 10;
  }
  return 0;
}

}  // namespace

void declare_limits(CLI::App& command, Limits& limits, std::string& memory) {
  const char* group = "Limits for untrusted models";
  command
      .add_option("--max-memory", memory,
                  "Memory for the model, its runs and results, and for the process (default: what the machine has)")
      ->type_name("SIZE")
      ->group(group);
  const auto number = [&](const char* name, std::int64_t& value, const char* help) {
    command.add_option(name, value, help)->type_name("N")->group(group);
  };
  number("--max-tensor", limits.tensor_elements, "Elements of any one tensor (default 8589934592)");
  number("--max-nodes", limits.nodes, "Nodes in the file (default 1000000)");
  number("--max-unrolled", limits.unrolled_nodes, "Nodes with loops unrolled, functions inlined (default 1000000)");
  number("--max-primitives", limits.primitives, "Primitives that the nodes become (default 4000000)");
  number("--max-nesting", limits.nesting, "Subgraphs and functions in each other, up to 256 (default 64)");
  number("--max-constants", limits.constant_elements,
         "Elements of all constants that the model computes (default 536870912)");
  number("--max-work", limits.work, "Steps of constant and shape arithmetic (default 20000000000)");
}

Limits make_limits(Limits limits, const std::string& memory) {
  if (!memory.empty()) limits.memory = parse_bytes(memory, "--max-memory");
  return limits;
}

void bound_process(const std::string& memory) {
  const std::int64_t wanted = make_limits({}, memory).memory;
  if (wanted == 0) return;
  // Stacks are address space, of which little is used; glibc's default is 8 MiB each.
  const std::int64_t stacks = std::int64_t{std::max(1U, std::thread::hardware_concurrency())} * (10 << 20);
  const std::int64_t have = mapped_data();
  // Sanitizers reserve terabytes: nothing can be bounded there.
  if (have > (std::int64_t{1} << 40)) return;
  rlimit bound{};
  if (::getrlimit(RLIMIT_DATA, &bound) != 0) return;
  const auto most = static_cast<rlim_t>(have) + static_cast<rlim_t>(wanted) + static_cast<rlim_t>(stacks);
  if (bound.rlim_cur != RLIM_INFINITY && bound.rlim_cur <= most) return;
  bound.rlim_cur = most;
  ::setrlimit(RLIMIT_DATA, &bound);
}

}  // namespace mho::cli
