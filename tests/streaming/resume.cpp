// Invariant: a streamed run gives what a run in memory gives; one that was stopped goes on to the same bytes, and only
// where it is the same run.
#include <mho/rows.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "runs.h"

namespace mho::streaming {
namespace {

double difference(const Array& a, const Array& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double size = 0;
  double off = 0;
  for (std::int64_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    size += std::abs(a.at(i));
    off += std::abs(a.at(i) - b.at(i));
  }
  return off / size;
}

/// A run that SIGINT stopped after some chunks.
void interrupted_run(const std::string& result, const std::vector<std::string>& more = {}) {
  const TemporaryFolder folder;
  for (int wait = 5; wait < 3000; wait *= 2) {
    Process process(command(result, more), folder / ".");
    ASSERT_TRUE(process.handles_interrupts());
    while (!fs::exists(result + ".parts/00000000.npz") && !fs::exists(result)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    process.interrupt();
    const Finished run = process.wait();
    if (run.status == 130) {
      EXPECT_TRUE(contains(run.errors, "chunks are kept in")) << run.errors;
      return;
    }
    ASSERT_EQ(run.status, 0) << run.errors;
    fs::remove(result);
  }
  FAIL() << "no run could be interrupted";
}

TEST(Resume, ChunksOfAnySizeGiveTheResultsOfARunInMemory) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program({"attribute", "examples/digits/cnn.onnx", "-i", kDigits, "-l", "relu1", "relu4", "logits",
                         "--quiet", "-o", folder / "memory.npz"})
                .status,
            0);
  const auto memory = io::read_npz(folder / "memory.npz");
  for (const char* chunk : {"1", "7", "36", "50"}) {
    SCOPED_TRACE(chunk);
    const std::string result = folder / (std::string("r") + chunk + ".npz");
    const Finished run = run_program(command(result, {}, chunk));
    ASSERT_EQ(run.status, 0) << run.errors;
    const auto streamed = io::read_npz(result);
    ASSERT_EQ(streamed.size(), memory.size());
    for (const auto& [name, array] : memory) {
      if (name.find("estimated") != std::string::npos || name.find("residual") != std::string::npos) continue;
      EXPECT_LE(difference(array, streamed.at(name)), 1e-6) << name;
    }
    EXPECT_FALSE(fs::exists(result + ".parts"));
  }
}

TEST(Resume, Hdf5HoldsTheSameArraysAndReadsAsAResult) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(command(folder / "r.npz")).status, 0);
  const Finished run = run_program(command(folder / "r.h5"));
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto arrays = io::read_npz(folder / "r.npz");
  for (const auto& [name, array] : arrays) {
    const auto rows = io::open_hdf5_rows(folder / "r.h5", name);
    ASSERT_EQ(rows->shape(), array.shape()) << name;
    EXPECT_TRUE(std::ranges::equal(rows->read(0, array.shape()[0]).bytes(), array.bytes())) << name;
  }
  EXPECT_EQ(io::list_hdf5(folder / "r.h5").size(), arrays.size());
  const Result read = io::read_result(folder / "r.h5");
  EXPECT_TRUE(std::ranges::equal(read.layers.at(1).values.bytes(), arrays.at("relu4").bytes()));
  EXPECT_EQ(read.metadata.at("examples_per_chunk"), "4");
  ASSERT_EQ(run_program(command(folder / "s.h5", {"--store", "float32"})).status, 0);
  EXPECT_EQ(io::open_hdf5_rows(folder / "s.h5", "relu4")->dtype(), DType::f32);
  EXPECT_EQ(io::open_hdf5_rows(folder / "s.h5", "mho/f_input")->dtype(), DType::f64);
}

TEST(Resume, InterruptedRunsGoOnToTheSameBytes) {
  const TemporaryFolder folder;
  for (const std::string ending : {".h5", ".npz"}) {
    const std::string result = folder / ("r" + ending);
    ASSERT_EQ(run_program(command(result)).status, 0);
    const std::string whole = cli::read_text(result);
    fs::remove(result);
    interrupted_run(result);
    EXPECT_FALSE(fs::exists(result));
    const Finished run = run_program(command(result));
    ASSERT_EQ(run.status, 0) << run.errors;
    EXPECT_TRUE(cli::read_text(result) == whole) << ending;
    EXPECT_FALSE(fs::exists(result + ".parts"));
  }
}

TEST(Resume, AnotherRunIsRefusedUnlessForced) {
  const TemporaryFolder folder;
  const std::string result = folder / "r.h5";
  interrupted_run(result);
  const Finished other = run_program(command(result, {"--tolerance", "0.001"}));
  EXPECT_EQ(other.status, 2) << other.errors;
  EXPECT_TRUE(contains(other.errors, "tolerance: default then, 0.001 now") && contains(other.errors, "--force"))
      << other.errors;
  const Finished chunk = run_program(command(result, {}, "3"));
  EXPECT_TRUE(chunk.status == 2 && contains(chunk.errors, "examples per chunk: 4 then, 3 now")) << chunk.errors;
  const Finished forced = run_program(command(result, {"--tolerance", "0.001", "--force"}));
  EXPECT_EQ(forced.status, 0) << forced.errors;
  EXPECT_FALSE(fs::exists(result + ".parts"));
  const Finished again = run_program(command(result));
  EXPECT_TRUE(again.status == 2 && contains(again.errors, "exists already")) << again.errors;
}

TEST(Resume, ChangedInputsAndDamagedPartsAreComputedAnew) {
  const TemporaryFolder folder;
  const auto arrays = io::read_npz(MHO_SOURCE_DIR "/" + kDigits);
  Array images = arrays.at("images");
  const std::string result = folder / "r.npz";
  // With this rename the result would be put in place.
  const auto run_without_rename = [&](int number) {
    const TemporaryFolder log;
    Process process({"attribute", "examples/digits/cnn.onnx", "-i", folder / "x.npy", "-l", "relu4", "--chunk", "2",
                     "--threads", "1", "--quiet", "-o", result},
                    log / ".",
                    {std::string("LD_PRELOAD=") + MHO_FAIL_CALLS, "MHO_FAIL=rename:" + std::to_string(number) + ":28"});
    return process.wait();
  };
  io::write_npy(folder / "x.npy", images);
  const Finished first = run_without_rename(20);
  EXPECT_TRUE(first.status == 1 && contains(first.errors, "all chunks are kept")) << first.errors;
  images.as<float>()[0] += 1;  // in the first chunk
  io::write_npy(folder / "x.npy", images);
  {
    std::fstream part(folder / "r.npz.parts/00000005.npz", std::ios::in | std::ios::out | std::ios::binary);
    part.seekp(400);
    part.put('\x5A');
  }
  const auto untouched = fs::last_write_time(folder / "r.npz.parts/00000003.npz");
  const auto changed = fs::last_write_time(folder / "r.npz.parts/00000000.npz");
  const auto damaged = fs::last_write_time(folder / "r.npz.parts/00000005.npz");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(run_without_rename(3).status, 1);
  EXPECT_EQ(fs::last_write_time(folder / "r.npz.parts/00000003.npz"), untouched);
  EXPECT_NE(fs::last_write_time(folder / "r.npz.parts/00000000.npz"), changed);
  EXPECT_NE(fs::last_write_time(folder / "r.npz.parts/00000005.npz"), damaged);
}

TEST(Resume, ASecondWriterIsRefused) {
  const TemporaryFolder folder;
  const TemporaryFolder log;
  const std::string result = folder / "r.h5";
  Process first(command(result, {"-m", "conductance", "-l", "relu1", "--steps", "2000"}), log / ".");
  ASSERT_TRUE(first.handles_interrupts());
  while (!fs::exists(result + ".parts/manifest.json")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Finished second = run_program(command(result));
  EXPECT_EQ(second.status, 2) << second.errors;
  EXPECT_TRUE(contains(second.errors, "another process is writing this result")) << second.errors;
  const Finished forced = run_program(command(result, {"--force"}));
  EXPECT_EQ(forced.status, 2) << forced.errors;
  first.kill();
  first.wait();
  EXPECT_EQ(run_program(command(result, {"--force"})).status, 0);
}

TEST(Resume, TargetsBaselinesNamesAndMeansFollowTheChunks) {
  const TemporaryFolder folder;
  write_reversed_images(folder / "others.npy");
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"-t", "@" + kDigits + ":labels", "--examples", "3:20"},
        std::vector<std::string>{"-b", "mean"},
        std::vector<std::string>{"-b", folder / "others.npy", "--examples", "1:9"}}) {
    std::vector<std::string> memory = {"attribute",   "examples/digits/cnn.onnx",
                                       "-i",          kDigits,
                                       "-l",          "relu4",
                                       "--quiet",     "--force",
                                       "--tolerance", "1e-3",
                                       "-o",          folder / "m.npz"};
    std::vector<std::string> streamed = memory;
    streamed.back() = folder / "s.npz";
    memory.insert(memory.end(), more.begin(), more.end());
    streamed.insert(streamed.end(), more.begin(), more.end());
    streamed.insert(streamed.end(), {"--chunk", "5"});
    const Finished a = run_program(memory);
    const Finished b = run_program(streamed);
    ASSERT_EQ(a.status, 0) << a.errors;
    ASSERT_EQ(b.status, 0) << b.errors;
    const auto x = io::read_npz(folder / "m.npz");
    const auto y = io::read_npz(folder / "s.npz");
    EXPECT_LE(difference(x.at("relu4"), y.at("relu4")), 1e-5) << more[1];
    EXPECT_LE(difference(x.at("mho/target"), y.at("mho/target")), 0) << more[1];
  }
}

TEST(Resume, ReportsOfStreamedRunsTellTheWhole) {
  const TemporaryFolder folder;
  const std::vector<std::string> words = {"attribute", "examples/digits/cnn.onnx", "-i", kDigits, "-l", "relu4",
                                          "--json"};
  std::vector<std::string> streamed = words;
  streamed.insert(streamed.end(), {"--chunk", "5", "-o", folder / "r.h5"});
  const auto a = nlohmann::json::parse(run_program(words).output);
  const auto b = nlohmann::json::parse(run_program(streamed).output);
  EXPECT_EQ(b["examples_total"], 36);
  EXPECT_EQ(a["examples"].size(), b["examples"].size());
  EXPECT_EQ(a["layers"][0]["top_neurons"][0]["index"], b["layers"][0]["top_neurons"][0]["index"]);
  EXPECT_NEAR(a["layers"][0]["top_neurons"][0]["mean"], b["layers"][0]["top_neurons"][0]["mean"], 1e-5);
}

}  // namespace
}  // namespace mho::streaming
