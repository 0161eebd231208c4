// The names in a folder of parts, and their removal: nothing else in there is touched.
#include "io/parts_folder.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

namespace mho::io {

namespace fs = std::filesystem;

namespace {

bool is_temporary(const std::string& name) { return name.starts_with('.') && name.ends_with(".tmp"); }

bool is_part(const std::string& name) {
  return name.ends_with(".npz") && name.size() > 4 &&
         std::all_of(name.begin(), name.end() - 4, [](char c) { return '0' <= c && c <= '9'; });
}

bool is_lock(const std::string& name) { return name == PartsFolder::kLock || name.ends_with(".lock"); }

template <class Wanted>
void remove_if(const fs::path& folder, Wanted&& wanted) {
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    if (!wanted(it->path().filename().string())) continue;
    fs::remove(it->path(), error);
    if (error) break;
  }
  if (error) throw Error(Code::kIo, fmt::format("{}: cannot be cleaned up: {}", folder.string(), error.message()));
}

}  // namespace

fs::path PartsFolder::part(std::int64_t index) const { return path / fmt::format("{:08}.npz", index); }

fs::path PartsFolder::shard_lock(std::int64_t index, std::int64_t count) const {
  return path / fmt::format("shard-{}-of-{}.lock", index, count);
}

void PartsFolder::remove_temporaries() const { remove_if(path, is_temporary); }

void PartsFolder::remove_contents() const {
  remove_if(path, [](const std::string& name) { return is_part(name) || is_temporary(name) || name == "whole"; });
  remove_if(path, [](const std::string& name) { return name == "manifest.json"; });
  remove_if(path, [](const std::string& name) { return name == "done"; });
}

void PartsFolder::remove_locks() const noexcept {
  std::error_code ignored;
  std::vector<fs::path> locks;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    if (!is_lock(entry.path().filename().string())) return;
    if (entry.path().filename() != kLock) locks.push_back(entry.path());
  }
  locks.push_back(path / kLock);  // last: it keeps others away
  for (const fs::path& lock : locks) fs::remove(lock, ignored);
  fs::remove(path, ignored);
}

}  // namespace mho::io
