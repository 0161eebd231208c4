// Invariant: shards, in whatever number and order, killed or not, merge to the bytes of one process's run; what is
// missing, damaged or of another run is named and never merged.
#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "runs.h"

namespace mho::streaming {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> shard(const std::string& result, int index, int count,
                               const std::vector<std::string>& more = {}) {
  return with(command(result, more), {"--shard", std::to_string(index) + "/" + std::to_string(count)});
}

void expect_success(const std::vector<std::string>& words) {
  const Finished run = run_program(words);
  ASSERT_EQ(run.status, 0) << run.errors;
}

/// The bytes that one process writes.
std::string whole_run(const std::string& result, const std::vector<std::string>& more = {}) {
  const Finished run = run_program(command(result, more));
  EXPECT_EQ(run.status, 0) << run.errors;
  std::string bytes = cli::read_text(result);
  fs::remove(result);
  return bytes;
}

std::string part(const std::string& result, int index) {
  return result + ".parts/0000000" + std::to_string(index) + ".npz";
}

void flip_byte(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(400);
  file.put('\x5A');
}

TEST(Shards, MergeToTheBytesOfOneProcess) {
  const TemporaryFolder folder;
  write_reversed_images(folder / "others.npy");
  struct Case {
    std::string ending;
    int shards;
    std::vector<std::string> more;
  };
  for (const Case& c :
       {Case{".h5", 4, {}}, Case{".npz", 2, {"-t", "@" + kDigits + ":labels", "--examples", "3:20"}},
        Case{".npz", 2, {"-b", "mean", "--store", "float32"}}, Case{".h5", 12, {"-b", folder / "others.npy"}}}) {
    SCOPED_TRACE(c.shards);
    const std::string result = folder / ("r" + c.ending);
    const std::string whole = whole_run(result, c.more);
    for (int i = c.shards - 1; i >= 0; --i) expect_success(shard(result, i, c.shards, c.more));
    EXPECT_FALSE(fs::exists(result));
    expect_success({"merge", result, "--quiet"});
    EXPECT_TRUE(cli::read_text(result) == whole);
    EXPECT_FALSE(fs::exists(result + ".parts"));
    fs::remove(result);
  }
}

TEST(Shards, KeepNamesOfPictures) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "pictures");
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) {
    std::ofstream(folder / (std::string("pictures/") + name + ".pgm")) << "P5 8 8 255\n" << std::string(64, name);
  }
  const std::string result = folder / "r.h5";
  const std::vector<std::string> words = {"attribute", "examples/digits/cnn.onnx",
                                          "-i",        folder / "pictures",
                                          "-l",        "relu4",
                                          "-o",        result,
                                          "--quiet",   "--chunk",
                                          "2",         "--threads",
                                          "1"};
  expect_success(words);
  const std::string whole = cli::read_text(result);
  fs::remove(result);
  for (const char* which : {"0/2", "1/2"}) expect_success(with(words, {"--shard", which}));
  expect_success({"merge", result, "--quiet"});
  EXPECT_TRUE(cli::read_text(result) == whole);
  EXPECT_TRUE(io::read_result(result).names.at(4).ends_with("e.pgm"));
}

TEST(Shards, RunBesideEachOtherButNoneTwice) {
  const TemporaryFolder folder;
  const std::string result = folder / "r.npz";
  const std::string whole = whole_run(result);
  {
    const TemporaryFolder logs[3];
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < 3; ++i) processes.push_back(std::make_unique<Process>(shard(result, i, 3), logs[i] / "."));
    for (const auto& process : processes) {
      const Finished run = process->wait();
      EXPECT_EQ(run.status, 0) << run.errors;
    }
  }
  expect_success({"merge", result});
  EXPECT_TRUE(cli::read_text(result) == whole);
  fs::remove(result);

  const std::vector<std::string> slow = {"-m", "conductance", "-l", "relu1", "--steps", "2000"};
  const TemporaryFolder log;
  Process first(shard(result, 0, 2, slow), log / ".");
  ASSERT_TRUE(first.handles_interrupts());
  while (!fs::exists(result + ".parts/manifest.json")) std::this_thread::sleep_for(1ms);
  const Finished same = run_program(shard(result, 0, 2, slow));
  EXPECT_TRUE(same.status == 2 && contains(same.errors, "another process is computing shard 0/2")) << same.errors;
  for (const auto& words : {command(result, slow), std::vector<std::string>{"merge", result}}) {
    const Finished run = run_program(words);
    EXPECT_TRUE(run.status == 2 && contains(run.errors, "another process is writing this result")) << run.errors;
  }
  const Finished other = run_program(shard(result, 1, 2));
  EXPECT_TRUE(other.status == 2 && contains(other.errors, "method: conductance then, nig now")) << other.errors;
  first.kill();
  first.wait();
}

TEST(Shards, KilledAtAnyMomentCostOneChunk) {
  const TemporaryFolder folder;
  const TemporaryFolder log;
  const std::string result = folder / "r.h5";
  const auto start = std::chrono::steady_clock::now();
  const std::string whole = whole_run(result);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::mt19937 random(20261126);
  std::uniform_real_distribution<double> moment(0, seconds.count());
  int kills = 0;
  while (kills < setting("MHO_KILLS", 5)) {
    const int index = static_cast<int>(random() % 2);
    std::vector<std::pair<std::string, fs::file_time_type>> before;
    for (int i = 0; i < 9; ++i) {
      if (fs::exists(part(result, i))) before.emplace_back(part(result, i), fs::last_write_time(part(result, i)));
    }
    Process process(shard(result, index, 2), log / ".");
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    process.kill();
    const int status = process.wait().status;
    ASSERT_TRUE(status == 0 || status == 137) << status;
    for (const auto& [path, time] : before) EXPECT_EQ(fs::last_write_time(path), time) << "computed again: " << path;
    if (status == 137) ++kills;
    if (status == 0) fs::remove_all(result + ".parts");  // else there were nothing left to kill
  }
  for (int i = 0; i < 2; ++i) expect_success(shard(result, i, 2));
  const auto merge_is_left = [&] { return fs::exists(result + ".parts"); };
  for (kills = 0; kills < setting("MHO_KILLS", 5) && merge_is_left(); ++kills) {
    Process process({"merge", result, "--quiet"}, log / ".");
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random) / 5));
    process.kill();
    process.wait();
    if (fs::exists(result)) {
      ASSERT_TRUE(cli::read_text(result) == whole);
    }
  }
  if (merge_is_left()) expect_success({"merge", result, "--quiet"});
  EXPECT_TRUE(cli::read_text(result) == whole);
  EXPECT_FALSE(fs::exists(result + ".parts"));
}

TEST(Shards, OfSeveralMachinesMergeFromTheirFolders) {
  const TemporaryFolder folder;
  for (const char* machine : {"a", "b"}) fs::create_directory(folder / machine);
  const std::string a = folder / "a/r.h5";
  const std::string b = folder / "b/r.h5";
  const std::string merged = folder / "merged.h5";
  const std::string whole = whole_run(a);
  expect_success(shard(a, 0, 2));
  const Finished half = run_program({"merge", "-o", merged, a});
  EXPECT_EQ(half.status, 1) << half.errors;
  EXPECT_TRUE(contains(half.errors, "5 of 9 chunks are missing") && contains(half.errors, "chunks 4-8 (20 of 36") &&
              contains(half.errors, a + " --shard 1/2"))
      << half.errors;
  expect_success(shard(b, 1, 2));
  const Finished run = run_program({"merge", "-o", merged, a + ".parts", b + ".parts/"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(contains(run.output, "36 examples") && contains(run.output, "layer     relu4 [64], residual"))
      << run.output;
  EXPECT_TRUE(cli::read_text(merged) == whole);
  EXPECT_FALSE(fs::exists(merged + ".parts"));
  EXPECT_TRUE(fs::exists(part(a, 0)) && fs::exists(part(b, 4))) << "folders that were named are left alone";
  const Finished again = run_program({"merge", "-o", merged, a, b});
  EXPECT_TRUE(again.status == 2 && contains(again.errors, "exists already")) << again.errors;
  EXPECT_FALSE(fs::exists(merged + ".parts"));

  fs::create_directory(folder / "c");
  const std::string c = folder / "c/r.h5";
  expect_success(shard(c, 1, 2, {"--tolerance", "0.001"}));
  const Finished mixed = run_program({"merge", "-o", folder / "mixed.h5", a, c});
  EXPECT_TRUE(mixed.status == 2 && contains(mixed.errors, "tolerance: default then, 0.001 now")) << mixed.errors;
}

TEST(Shards, DamageAndChangedInputsAreNamedNotMerged) {
  const TemporaryFolder folder;
  const Array images = io::read_npz(MHO_SOURCE_DIR "/" + kDigits).at("images");
  const std::string result = folder / "r.npz";
  const std::string input = folder / "x.npy";
  const auto run = [&](const std::string& which) {
    return run_program({"attribute", "examples/digits/cnn.onnx", "-i", input, "-l", "relu4", "--chunk", "4",
                        "--threads", "1", "--quiet", "-o", result, "--shard", which});
  };
  io::write_npy(input, images);
  for (const char* which : {"0/3", "1/3", "2/3"}) ASSERT_EQ(run(which).status, 0);
  flip_byte(part(result, 4));
  const Finished damaged = run_program({"merge", result});
  EXPECT_TRUE(damaged.status == 1 && contains(damaged.errors, "1 of 9 chunks") &&
              contains(damaged.errors, "chunks 4 (4 of 36 examples, the first is 16)") &&
              contains(damaged.errors, "--shard 1/3"))
      << damaged.errors;
  EXPECT_FALSE(fs::exists(result));

  Array changed = images;
  changed.as<float>()[0] += 1;
  io::write_npy(input, changed);
  const Finished other = run("1/3");
  EXPECT_TRUE(other.status == 2 && contains(other.errors, "examples of the inputs have changed")) << other.errors;

  io::write_npy(input, images);
  EXPECT_EQ(run("1/3").status, 0);
  EXPECT_EQ(run_program({"merge", result}).status, 0);
  const Finished finished = run("1/3");
  EXPECT_TRUE(finished.status == 2 && contains(finished.errors, "exists already")) << finished.errors;
}

TEST(Shards, OneProcessFinishesWhatShardsBegan) {
  const TemporaryFolder folder;
  const std::string result = folder / "r.h5";
  const std::string whole = whole_run(result);
  expect_success(shard(result, 2, 3));
  const auto time = fs::last_write_time(part(result, 8));
  const fs::path kept = folder / "kept.npz";
  fs::create_hard_link(part(result, 8), kept);
  expect_success(command(result));
  EXPECT_EQ(fs::last_write_time(kept), time);
  EXPECT_TRUE(cli::read_text(result) == whole);
  EXPECT_FALSE(fs::exists(result + ".parts"));
}

TEST(Shards, WhatMakesNoSenseIsRefused) {
  const TemporaryFolder folder;
  const std::string result = folder / "r.h5";
  const auto refused = [&](const std::vector<std::string>& words, const std::string& reason) {
    const Finished run = run_program(words);
    EXPECT_TRUE(run.status == 2 && contains(run.errors, reason)) << run.status << run.errors;
  };
  refused(shard(result, 4, 4), "there are 0/4 to 3/4");
  for (const char* text : {"1", "1/0", "x/2", "1/2/3"}) refused(with(command(result), {"--shard", text}), "is not I/N");
  refused(shard(result, 0, 2, {"--force"}), "remove the folder of parts instead");
  refused(shard(result, 0, 2, {"--json"}), "mho merge makes the result");
  refused(shard(result, 0, 2, {"--aggregate"}), "take means of the merged result");
  refused({"attribute", "examples/digits/cnn.onnx", "-i", kDigits, "--shard", "0/2"}, "needs -o FILE");
  refused(command(result, {"-m", "ablation", "--replace", "mean"}), "needs all examples in memory");
  refused({"merge", result}, "there is neither a folder");
  refused({"merge", "-o", result, folder / "."}, "there is no manifest.json in it");
  EXPECT_FALSE(fs::exists(result + ".parts"));
}

}  // namespace
}  // namespace mho::streaming
