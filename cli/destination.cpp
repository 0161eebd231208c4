// Where a command writes.
#include "destination.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>
#include <unistd.h>

#include <algorithm>

#include "inputs.h"

namespace mho::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void deny(const std::string& message) { throw Error(Code::kInvalidArgument, message); }

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code unknown;
  return fs::equivalent(a, b, unknown);
}

}  // namespace

void check_destination(const std::string& option, const fs::path& path, const std::vector<std::string>& endings,
                       bool force, std::span<const std::string> read) {
  if (std::ranges::find(endings, path.extension().string()) == endings.end()) {
    deny(fmt::format("{} {}: the name must end in {}", option, path.string(), fmt::join(endings, " or ")));
  }
  std::error_code unknown;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, unknown)) {
    deny(fmt::format("{} {}: there is no folder {}", option, path.string(), folder.string()));
  }
  if (access(folder.c_str(), W_OK) != 0) {
    deny(fmt::format("{} {}: folder {} cannot be written to", option, path.string(), folder.string()));
  }
  if (fs::is_directory(path, unknown)) deny(fmt::format("{} {} is a folder", option, path.string()));
  if (!fs::exists(fs::symlink_status(path, unknown))) return;
  if (!force) {
    deny(fmt::format("{} {} exists already; choose another name or add --force", option, path.string()));
  }
  const bool is_read = std::ranges::any_of(read, [&](const std::string& text) {
    return same_file(parse_reference(text).file, path) ||
           same_file(parse_reference(text.substr(text.find('=') + 1)).file, path);
  });
  if (is_read) deny(fmt::format("{} {} is also read by this run; choose another name", option, path.string()));
}

}  // namespace mho::cli
