// RunParts of <mho/parts.h>: the folder of finished chunks, its lock and its manifest.
#include <fcntl.h>
#include <fmt/format.h>
#include <mho/io.h>
#include <mho/parts.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "io/assemble.h"
#include "io/files.h"
#include "io/parts_folder.h"

namespace mho::io {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view kFormat = "mho parts 1";
constexpr std::uint64_t kMostManifestBytes = std::uint64_t{64} << 20;
constexpr const char* kInputs = "part_inputs";  // key in a part's metadata, not in the result's

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error) {
  throw Error(Code::kIo, fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error)));
}

/// The lock file of the folder, locked. A folder that its owner removes meanwhile is made again.
Descriptor lock(const fs::path& folder) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) fail(folder, "cannot be created", errno);
    const fs::path path = folder / PartsFolder::kLock;
    Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (descriptor.get() < 0 && errno == ENOENT) continue;
    if (descriptor.get() < 0) fail(path, "cannot be opened", errno);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail(path, "cannot be locked", errno);
      throw Error(Code::kInvalidArgument, fmt::format("{}: another process is writing this result; wait for it, or "
                                                      "choose another name",
                                                      folder.string()));
    }
    struct stat ours {};
    struct stat named {};
    const bool same = ::fstat(descriptor.get(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
                      ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
    if (same) return descriptor;
  }
  throw Error(Code::kIo, fmt::format("{}: cannot be locked", folder.string()));
}

RunPlan read_manifest(const fs::path& path) {
  const auto bytes = InputFile(path).read_all(kMostManifestBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    const json document = json::parse(text);
    if (document.at("format") != kFormat) throw Error(Code::kIo, "");
    RunPlan plan;
    plan.examples = document.at("examples").get<std::int64_t>();
    plan.chunk = document.at("chunk").get<std::int64_t>();
    plan.single = document.at("values") == "float32";
    for (const auto& [key, value] : document.at("run").items()) plan.identity[key] = value.get<std::string>();
    if (plan.examples >= 0 && plan.chunk > 0) return plan;
  } catch (const std::exception&) {
    // Whatever is wrong with it, the way out is the same.
  }
  throw Error(Code::kIo,
              fmt::format("{}: is no manifest of this program's; remove the folder, or begin anew with --force",
                          path.string()));
}

std::string manifest_text(const RunPlan& plan) {
  json document = {{"format", kFormat},
                   {"examples", plan.examples},
                   {"chunk", plan.chunk},
                   {"values", plan.single ? "float32" : "float64"},
                   {"run", json::object()}};
  for (const auto& [key, value] : plan.identity) document["run"][key] = value;
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void write_text(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

/// What differs between two runs, for people.
std::string difference(const RunPlan& before, const RunPlan& now) {
  const auto unlike = [](std::string_view what, const auto& a, const auto& b) {
    return fmt::format("{}: {} then, {} now", what, a, b);
  };
  if (before.examples != now.examples) return unlike("examples", before.examples, now.examples);
  if (before.chunk != now.chunk) return unlike("examples per chunk", before.chunk, now.chunk);
  if (before.single != now.single)
    return before.single ? "values: float32 then, float64 now" : "values: float64 then, float32 now";
  const auto value = [](const RunPlan& plan, const std::string& key) {
    const auto it = plan.identity.find(key);
    return it == plan.identity.end() ? std::string("none") : it->second.substr(0, 200);
  };
  std::map<std::string, std::string> keys = before.identity;
  keys.insert(now.identity.begin(), now.identity.end());
  for (const auto& [key, text] : keys) {
    if (value(before, key) != value(now, key)) return unlike(key, value(before, key), value(now, key));
  }
  return "";
}

}  // namespace

struct RunParts::State {
  // A link is written through, as AtomicFile does.
  explicit State(const fs::path& path)
      : result(fs::is_symlink(path) && fs::exists(path) ? fs::canonical(path) : path),
        folder{fs::path(path.string() + ".parts")} {}

  fs::path result;
  PartsFolder folder;
  Descriptor lock;
  std::optional<RunPlan> found;
  std::optional<RunPlan> plan;
};

RunParts::RunParts(const fs::path& result) : state_(std::make_unique<State>(result)) {
  state_->lock = lock(state_->folder.path);
  state_->folder.remove_temporaries();
  if (fs::exists(state_->folder.manifest())) {
    state_->found = read_manifest(state_->folder.manifest());
  } else {
    state_->folder.remove_contents();  // of a removal that was cut short
  }
}

RunParts::~RunParts() {
  // Nothing was begun: leave no trace.
  if (!state_->found && !state_->plan) state_->folder.remove_lock();
}

const fs::path& RunParts::folder() const noexcept { return state_->folder.path; }
const std::optional<RunPlan>& RunParts::found() const noexcept { return state_->found; }

void RunParts::discard() {
  state_->folder.remove_contents();
  state_->found.reset();
}

void RunParts::begin(const RunPlan& plan) {
  if (state_->found) {
    const std::string other = difference(*state_->found, plan);
    if (!other.empty()) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("{} holds the unfinished results of another run ({}); repeat that "
                              "command to finish it, choose another name, or begin anew with "
                              "--force",
                              folder().string(), other));
    }
  } else {
    write_text(state_->folder.manifest(), manifest_text(plan));
  }
  state_->plan = plan;
}

bool RunParts::has(std::int64_t part, std::uint32_t inputs) {
  const fs::path path = state_->folder.part(part);
  if (!fs::exists(path)) return false;
  try {
    const Result result = read_result(path);
    const auto examples = static_cast<std::size_t>(state_->plan->last(part) - state_->plan->first(part));
    const auto of = result.metadata.find(kInputs);
    if (result.f_input.size() == examples && of != result.metadata.end() &&
        of->second == fmt::format("{:08x}", inputs)) {
      return true;
    }
  } catch (const Error&) {
    // Damaged: computed anew.
  }
  fs::remove(path);
  return false;
}

void RunParts::write(std::int64_t part, std::uint32_t inputs, Result result) {
  result.metadata[kInputs] = fmt::format("{:08x}", inputs);
  if (state_->plan->single) {
    for (LayerResult& layer : result.layers) layer.values = layer.values.to(DType::f32);
  }
  write_result(state_->folder.part(part), result);
}

Result RunParts::read(std::int64_t part) const {
  Result result = read_result(state_->folder.part(part));
  result.metadata.erase(kInputs);
  return result;
}

bool RunParts::assembled() const {
  return fs::exists(state_->folder.done()) && !fs::exists(state_->folder.whole()) && fs::exists(state_->result);
}

void RunParts::assemble(const std::function<void(std::int64_t, const Result&)>& visit) {
  Assembly assembly(*state_->plan);
  for (std::int64_t part = 0; part < state_->plan->parts(); ++part) {
    const Result result = read(part);
    assembly.add(result);
    visit(part, result);
  }
  const fs::path whole = state_->folder.whole();
  if (!fs::exists(whole)) assembly.write(state_->folder, state_->result.extension() == ".npz", whole);
  write_text(state_->folder.done(), "the result is whole\n");
  put_in_place(whole, state_->result);
  remove();
}

void RunParts::remove() {
  state_->folder.remove_contents();
  state_->folder.remove_lock();
  state_->found.reset();
  state_->plan.reset();
}

std::uint32_t checksum(const Inputs& inputs) {
  uLong crc = crc32(0, nullptr, 0);
  const auto add = [&](std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto some = bytes.first(std::min(bytes.size(), std::size_t{1} << 30));
      crc = crc32(crc, reinterpret_cast<const Bytef*>(some.data()), static_cast<uInt>(some.size()));
      bytes = bytes.subspan(some.size());
    }
  };
  for (const auto& [name, array] : inputs) {
    const std::string head = fmt::format("{} {} {}\n", name, to_string(array.dtype()), to_string(array.shape()));
    add(std::as_bytes(std::span(head)));
    add(array.bytes());
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace mho::io
