// Invariant: whatever stops a streamed run at whatever moment (SIGKILL, full disks, read errors, too little memory),
// the same command goes on and ends with the bytes of a run that nothing stopped. MHO_KILLS and MHO_FAULTS: how many
// trials.
#include <sys/resource.h>

#include <chrono>
#include <random>
#include <thread>

#include "runs.h"

namespace mho::streaming {
namespace {

using Clock = std::chrono::steady_clock;

/// A result, and the seconds that its run took.
struct Reference {
  std::string bytes;
  double seconds = 0;
};

Reference reference(const std::string& result) {
  const auto start = Clock::now();
  const Finished run = run_program(command(result));
  EXPECT_EQ(run.status, 0) << run.errors;
  const std::chrono::duration<double> seconds = Clock::now() - start;
  Reference whole{cli::read_text(result), seconds.count()};
  fs::remove(result);
  return whole;
}

void expect_whole(const std::string& result, const Reference& whole) {
  EXPECT_TRUE(cli::read_text(result) == whole.bytes) << result << " differs from the run that nothing stopped";
  EXPECT_FALSE(fs::exists(result + ".parts"));
  fs::remove(result);
}

TEST(Kills, AtAnyMomentCostNothingButTime) {
  const TemporaryFolder folder;
  const TemporaryFolder log;
  std::mt19937 random(20261126);
  int finished = 0;
  for (const std::string ending : {".h5", ".npz"}) {
    const std::string result = folder / ("r" + ending);
    const Reference whole = reference(result);
    ASSERT_FALSE(whole.bytes.empty());
    std::uniform_real_distribution<double> moment(0, whole.seconds);
    for (int kill = 0; kill < (setting("MHO_KILLS", 14) + 1) / 2;) {
      Process process(command(result), log / ".");
      std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
      process.kill();
      const Finished run = process.wait();
      // A kill may come when all is done but the end of the process; then the result is there already.
      const bool was_there = run.status == 2 && contains(run.errors, "exists already");
      ASSERT_TRUE(run.status == 0 || run.status == 137 || was_there) << run.status << run.errors;
      if (run.status == 137) ++kill;
      // A result is there whole or not at all.
      if (fs::exists(result)) {
        ASSERT_TRUE(cli::read_text(result) == whole.bytes);
      }
      if (run.status == 137) continue;
      ++finished;
      expect_whole(result, whole);
    }
    const Finished last = run_program(command(result));
    ASSERT_TRUE(last.status == 0 || contains(last.errors, "exists already")) << last.errors;
    expect_whole(result, whole);
  }
  RecordProperty("finished_between", finished);
}

/// Trials of one kind of system call failing at a random moment, once or from then on.
void fail_calls(const std::string& kind, int error, int most, std::mt19937& random) {
  const TemporaryFolder folder;
  const TemporaryFolder log;
  const std::string result = folder / (random() % 2 == 0 ? "r.h5" : "r.npz");
  const Reference whole = reference(result);
  const std::vector<std::string> words = command(result);
  for (int trial = 0; trial < setting("MHO_FAULTS", 4); ++trial) {
    const std::string fault = kind + ":" + std::to_string(1 + random() % static_cast<unsigned>(most)) + ":" +
                              std::to_string(error) + (random() % 2 == 0 ? "" : ":1");
    SCOPED_TRACE(fault);
    Process process(words, log / ".", {std::string("LD_PRELOAD=") + MHO_FAIL_CALLS, "MHO_FAIL=" + fault});
    const Finished stopped = process.wait();
    EXPECT_LT(stopped.status, 128) << stopped.errors;
    EXPECT_NE(stopped.errors.empty(), stopped.status != 0) << stopped.errors;
    if (fs::exists(result)) {
      ASSERT_TRUE(cli::read_text(result) == whole.bytes);
    }
    const Finished resumed = run_program(words);
    const bool was_there = resumed.status == 2 && contains(resumed.errors, "exists already");
    EXPECT_TRUE(resumed.status == 0 || was_there) << resumed.errors;
    expect_whole(result, whole);
  }
}

TEST(Faults, FullDisksLoseNothing) {
  std::mt19937 random(1);
  fail_calls("write", ENOSPC, 400, random);
  fail_calls("fsync", EIO, 12, random);
  fail_calls("rename", ENOSPC, 12, random);
}

TEST(Faults, ReadErrorsLoseNothing) {
  std::mt19937 random(2);
  fail_calls("read", EIO, 600, random);
}

TEST(Faults, TooLittleMemoryLosesNothing) {
  const TemporaryFolder folder;
  const TemporaryFolder log;
  const std::string result = folder / "r.h5";
  const Reference whole = reference(result);
  std::mt19937 random(3);
  for (int trial = 0; trial < setting("MHO_FAULTS", 4); ++trial) {
    const rlim_t kib = 40'000 + random() % 400'000;
    SCOPED_TRACE(kib);
    rlimit before{};
    getrlimit(RLIMIT_AS, &before);
    const rlimit tight{kib * 1024, before.rlim_max};
    // The child inherits it; this process has what it needs already.
    setrlimit(RLIMIT_AS, &tight);
    try {
      Process process(command(result), log / ".");
      setrlimit(RLIMIT_AS, &before);
      process.wait();
    } catch (const std::exception&) {
      setrlimit(RLIMIT_AS, &before);
    }
    if (fs::exists(result)) {
      ASSERT_TRUE(cli::read_text(result) == whole.bytes);
    }
    const Finished resumed = run_program(command(result));
    EXPECT_TRUE(resumed.status == 0 || contains(resumed.errors, "exists already")) << resumed.errors;
    expect_whole(result, whole);
  }
}

}  // namespace
}  // namespace mho::streaming
