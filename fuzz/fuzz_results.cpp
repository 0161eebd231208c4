// Any bytes as a result: as the archive itself, as what a well-formed archive holds (CRCs would stop most changes
// before anything is looked at), and as the manifest of a run's parts. Each is read, or mho::Error is thrown.
#include <mho/io.h>
#include <mho/parts.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "attempt.h"
#include "disk_file.h"
#include "memory_file.h"

namespace {

namespace fs = std::filesystem;

/// The metadata, up to the first zero byte; then two bytes for each array: which name and type, which shape.
void write_archive(const fs::path& path, std::string_view text) {
  static constexpr const char* kNames[] = {"mho/f_input",
                                           "mho/f_baseline",
                                           "mho/target",
                                           "mho/evaluations",
                                           "mho/steps",
                                           "mho/converged",
                                           "a",
                                           "mho/residual/a",
                                           "mho/estimated_error/a",
                                           "b",
                                           "mho/estimated_error/b",
                                           "mho/names"};
  static constexpr mho::DType kTypes[] = {mho::DType::f64, mho::DType::f32, mho::DType::i64, mho::DType::b8};
  const std::size_t end = std::min(text.find('\0'), text.size());
  std::map<std::string, mho::Array, std::less<>> arrays;
  for (std::size_t at = end + 1; at + 1 < text.size(); at += 2) {
    const auto name = static_cast<unsigned char>(text[at]);
    const auto shape = static_cast<unsigned char>(text[at + 1]);
    mho::Shape extents;
    for (unsigned axis = 0; axis < shape % 4U; ++axis) extents.push_back((shape >> (2 + 2 * axis)) % 4);
    arrays.insert_or_assign(kNames[name % std::size(kNames)],
                            mho::Array(kTypes[name / std::size(kNames) % std::size(kTypes)], extents));
  }
  mho::io::write_npz(path, arrays, {{"mho/metadata", std::string(text.substr(0, end))}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mho::fuzz::MemoryFile raw(data, size);
  mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_result(raw.path())); });
  const mho::fuzz::DiskFile archive(data, 0, ".npz");
  mho::fuzz::attempt([&] {
    write_archive(archive.path(), text);
    static_cast<void>(mho::io::read_result(archive.path()));
  });
  mho::fuzz::attempt([&] {
    const fs::path result = fs::path(archive.path()).replace_extension(".run.npz");
    const fs::path folder = result.string() + ".parts";
    fs::create_directories(folder);
    std::ofstream(folder / "manifest.json", std::ios::binary) << text;
    const struct Removal {
      fs::path path;
      ~Removal() { fs::remove_all(path); }
    } removal{folder};
    mho::io::RunParts parts(result);
    if (!parts.found()) return;
    const mho::io::RunPlan plan = *parts.found();
    parts.begin(plan);
    static_cast<void>(parts.has(plan.parts() - 1, 0));
    static_cast<void>(parts.has(plan.parts() / 2, 0));
  });
  return 0;
}
