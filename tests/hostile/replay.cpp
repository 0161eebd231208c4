// Invariant: every seed of the fuzz targets, and a change to it, is read or refused; without a fuzzer, in every test
// run.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "hostile/workers.h"

// The targets' own sources are part of this program, each under the name of its target (tests/CMakeLists.txt).
using Target = int(const std::uint8_t* data, std::size_t size);
extern "C" Target fuzz_onnx_loader, fuzz_specialize, fuzz_npz, fuzz_results, fuzz_image, fuzz_fasta, fuzz_csv,
    fuzz_hdf5;

// libFuzzer's, which the targets' mutators call; here nobody calls them.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* /*data*/, std::size_t size, std::size_t /*max_size*/) {
  return size;
}

namespace mho::testing {
namespace {

namespace fs = std::filesystem;

struct Seed {
  fs::path path;
  Target* target = nullptr;
  bool changed = false;
};

std::string bytes_of(const Seed& seed, std::uint64_t number) {
  std::ifstream file(seed.path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::minstd_rand random(static_cast<std::uint32_t>(number + 1));
  for (int k = 0; seed.changed && !bytes.empty() && k < 3; ++k) {
    bytes[random() % bytes.size()] = static_cast<char>(random());
  }
  return bytes;
}

TEST(Replay, SeedsOfTheFuzzTargetsAreReadOrRefused) {
  // libhdf5 is left alone with damaged bytes (SECURITY.md).
  const std::map<std::string, std::pair<Target*, bool>> targets = {{"fuzz_onnx_loader", {fuzz_onnx_loader, true}},
                                                                   {"fuzz_specialize", {fuzz_specialize, true}},
                                                                   {"fuzz_npz", {fuzz_npz, true}},
                                                                   {"fuzz_results", {fuzz_results, true}},
                                                                   {"fuzz_image", {fuzz_image, true}},
                                                                   {"fuzz_fasta", {fuzz_fasta, true}},
                                                                   {"fuzz_csv", {fuzz_csv, true}},
                                                                   {"fuzz_hdf5", {fuzz_hdf5, false}}};
  std::string folder = (fs::temp_directory_path() / "mho_seeds_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const char* data = std::getenv("MHO_DATA");
  const std::string make = fmt::format("'{}' '{}' '{}' '{}'", MHO_MAKE_SEEDS, MHO_SOURCE_DIR,
                                       data != nullptr ? data : MHO_SOURCE_DIR "/../shared/data", folder);
  ASSERT_EQ(std::system(make.c_str()), 0) << make;
  std::vector<Seed> seeds;
  for (const auto& [name, target] : targets) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(fs::path(folder) / name)) paths.push_back(entry.path());
    EXPECT_GE(paths.size(), 3U) << name;
    std::ranges::sort(paths);
    for (const fs::path& path : paths) {
      seeds.push_back({path, target.first, false});
      if (target.second) seeds.push_back({path, target.first, true});
    }
  }
  const Bounds bounds{60, std::int64_t{8} << 30, false};
  const Tally tally = run_seeds(0, seeds.size(), 2, bounds, [&](std::uint64_t number) {
    const Seed& seed = seeds[number];
    const std::string bytes = bytes_of(seed, number);
    seed.target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return Attempt{};
  });
  EXPECT_EQ(tally.done, seeds.size());
  for (const Failed& one : tally.failures) {
    ADD_FAILURE() << seeds[one.seed].path.filename() << (seeds[one.seed].changed ? ", changed: " : ": ") << one.why;
  }
  fmt::print("{} inputs; slowest {:.1f} s ({})\n", tally.done, tally.slowest,
             seeds[tally.slowest_seed].path.filename().string());
  fs::remove_all(folder);
}

}  // namespace
}  // namespace mho::testing
