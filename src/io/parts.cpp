// RunParts of <mho/parts.h>: the folder of finished chunks, its lock and its manifest.
#include <fcntl.h>
#include <fmt/format.h>
#include <mho/io.h>
#include <mho/parts.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <system_error>

#include "io/assemble.h"
#include "io/files.h"
#include "io/parts_folder.h"
#include "io/parts_manifest.h"

namespace mho::io {

namespace fs = std::filesystem;

namespace {

// Keys in a part's metadata, not in the result's.
constexpr const char* kInputs = "part_inputs";
constexpr const char* kRunInputs = "run_inputs";
constexpr const char* kOtherInputs = "examples of the inputs have changed";

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error) {
  throw Error(Code::kIo, fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error)));
}

/// Whether the file could be locked; not where another process holds it in a way that does not go with `how` (LOCK_…).
bool try_lock(const Descriptor& descriptor, const fs::path& path, int how) {
  if (::flock(descriptor.get(), how) == 0) return true;
  if (errno != EWOULDBLOCK) fail(path, "cannot be locked", errno);
  return false;
}

Descriptor open_lock(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
}

bool is_file(const Descriptor& descriptor, const fs::path& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(descriptor.get(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

/// The lock file of the folder, locked: shared by shards. A folder that its owner removes meanwhile is made again.
Descriptor lock(const fs::path& folder, bool shared) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) fail(folder, "cannot be created", errno);
    const fs::path path = folder / PartsFolder::kLock;
    Descriptor descriptor = open_lock(path);
    if (descriptor.get() < 0 && errno == ENOENT) continue;
    if (descriptor.get() < 0) fail(path, "cannot be opened", errno);
    if (!try_lock(descriptor, path, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB)) {
      throw Error(Code::kInvalidArgument, fmt::format("{}: another process is writing this result; wait for it, or "
                                                      "choose another name",
                                                      folder.string()));
    }
    if (is_file(descriptor, path)) return descriptor;
  }
  throw Error(Code::kIo, fmt::format("{}: cannot be locked", folder.string()));
}

Descriptor lock_shard(const PartsFolder& folder, const Shard& shard) {
  const fs::path path = folder.shard_lock(shard.index, shard.count);
  Descriptor descriptor = open_lock(path);
  if (descriptor.get() < 0) fail(path, "cannot be opened", errno);
  if (try_lock(descriptor, path, LOCK_EX | LOCK_NB)) return descriptor;
  throw Error(Code::kInvalidArgument, fmt::format("{}: another process is computing shard {}/{}; wait for it",
                                                  folder.path.string(), shard.index, shard.count));
}

void write_text(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

/// One file under a second name, or its bytes where the names lie on different file systems.
void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (!error) return;
  const fs::path temporary = to.parent_path() / fmt::format(".{}.copy.tmp", to.filename().string());
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (error) throw Error(Code::kIo, fmt::format("{}: cannot be copied: {}", from.string(), error.message()));
  flush_file(temporary);
  put_in_place(temporary, to);
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
  std::optional<Shard> shard;
  Descriptor shard_lock;
  bool accepted = false;
  bool adopted = false;  ///< parts are there a second time, in the folders that they came from
  std::optional<RunPlan> found;
  std::optional<RunPlan> plan;
};

RunParts::RunParts(const fs::path& result, std::optional<Shard> shard) : state_(std::make_unique<State>(result)) {
  state_->lock = lock(state_->folder.path, shard.has_value());
  state_->shard = shard;
  if (shard) {
    state_->shard_lock = lock_shard(state_->folder, *shard);
  } else {
    state_->folder.remove_temporaries();  // those of other shards are being written
  }
  if (fs::exists(state_->folder.manifest())) {
    state_->found = read_manifest(state_->folder.manifest());
  } else if (!shard) {
    state_->folder.remove_contents();  // of a removal that was cut short
  }
}

RunParts::~RunParts() {
  if (state_->found || state_->plan) return;
  // Nothing was begun: leave no trace, unless other shards are about to begin.
  if (state_->shard && ::flock(state_->lock.get(), LOCK_EX | LOCK_NB) != 0) return;
  if (!fs::exists(state_->folder.manifest())) state_->folder.remove_locks();
}

const fs::path& RunParts::folder() const noexcept { return state_->folder.path; }
const std::optional<RunPlan>& RunParts::found() const noexcept { return state_->found; }

void RunParts::discard() {
  state_->folder.remove_contents();
  state_->found.reset();
}

void RunParts::begin(const RunPlan& plan) {
  Descriptor beginning;
  if (state_->shard && !state_->found) {
    // One shard writes the manifest, those that came at the same time find it.
    const fs::path path = state_->folder.manifest_lock();
    beginning = open_lock(path);
    if (beginning.get() < 0) fail(path, "cannot be opened", errno);
    try_lock(beginning, path, LOCK_EX);
    if (fs::exists(state_->folder.manifest())) {
      state_->found = read_manifest(state_->folder.manifest());
    } else {
      state_->folder.remove_contents();
    }
  }
  if (state_->found) {
    std::string other = difference(*state_->found, plan);
    // A process that computes all chunks compares the inputs of each; shards see their own alone.
    if (other.empty() && state_->shard && state_->found->inputs != plan.inputs) other = kOtherInputs;
    if (!other.empty()) {
      throw Error(
          Code::kInvalidArgument,
          fmt::format("{} holds the unfinished results of another run ({}); repeat that "
                      "command to finish it, choose another name, or {}",
                      folder().string(), other, state_->shard ? "remove that folder" : "begin anew with --force"));
    }
  } else {
    write_manifest(state_->folder.manifest(), plan);
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
  result.metadata[kRunInputs] = fmt::format("{:08x}", state_->plan->inputs);
  if (state_->plan->single) {
    for (LayerResult& layer : result.layers) layer.values = layer.values.to(DType::f32);
  }
  std::error_code ignored;
  fs::remove(state_->folder.whole(), ignored);  // it was made of other parts
  write_result(state_->folder.part(part), result);
}

void RunParts::accept() {
  state_->plan = state_->found;
  state_->accepted = true;
}

Result RunParts::checked(std::int64_t part) const {
  const fs::path path = state_->folder.part(part);
  if (!fs::exists(path)) throw Error(Code::kIo, fmt::format("{}: there is no such file", path.string()));
  Result result = read_result(path);
  const RunPlan& plan = *state_->plan;
  if (static_cast<std::int64_t>(result.f_input.size()) != plan.last(part) - plan.first(part)) {
    throw Error(Code::kIo, fmt::format("{}: has {} examples", path.string(), result.f_input.size()));
  }
  const auto of = result.metadata.find(kRunInputs);
  // A run that went on with other inputs compared those of each chunk itself.
  if (state_->accepted && plan.inputs != 0 &&
      (of == result.metadata.end() || of->second != fmt::format("{:08x}", plan.inputs))) {
    throw Error(Code::kIo, fmt::format("{}: was made of other inputs", path.string()));
  }
  result.metadata.erase(kInputs);
  result.metadata.erase(kRunInputs);
  return result;
}

void RunParts::adopt(const fs::path& path) {
  const PartsFolder from{path};
  if (!fs::exists(from.manifest())) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{}: is no folder of parts: there is no manifest.json in it", path.string()));
  }
  const RunPlan plan = read_manifest(from.manifest());
  if (!state_->found) {
    write_manifest(state_->folder.manifest(), plan);
    state_->found = plan;
  }
  std::string other = difference(*state_->found, plan);
  if (other.empty() && state_->found->inputs != plan.inputs) other = kOtherInputs;
  if (!other.empty()) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{} is of another run than {} ({}); merge parts of one run only, or remove {} first",
                            path.string(), folder().string(), other, folder().string()));
  }
  for (std::int64_t part = 0; part < plan.parts(); ++part) {
    if (fs::exists(from.part(part)) && !fs::exists(state_->folder.part(part))) {
      link_or_copy(from.part(part), state_->folder.part(part));
    }
  }
  state_->adopted = true;
}

bool RunParts::assembled() const {
  return fs::exists(state_->folder.done()) && !fs::exists(state_->folder.whole()) && fs::exists(state_->result);
}

void RunParts::assemble(const std::function<void(std::int64_t, const Result&)>& visit) {
  Assembly assembly(*state_->plan);
  std::vector<std::int64_t> bad;
  std::string reason;
  for (std::int64_t part = 0; part < state_->plan->parts(); ++part) {
    std::optional<Result> result;
    try {
      result = checked(part);
      assembly.add(*result);
    } catch (const Error& error) {
      bad.push_back(part);
      if (reason.empty()) reason = error.what();
      // Another merge takes whatever is in the folder that it came from then.
      if (state_->adopted) fs::remove(state_->folder.part(part));
      continue;
    }
    if (bad.empty()) visit(part, *result);
  }
  if (!bad.empty()) {
    throw Error(Code::kIo, fmt::format("{}: {} of {} chunks are missing or of no use ({}); {}", folder().string(),
                                       bad.size(), state_->plan->parts(), reason, to_be_computed(*state_->plan, bad)));
  }
  const fs::path whole = state_->folder.whole();
  if (!fs::exists(whole)) assembly.write(state_->folder, state_->result.extension() == ".npz", whole);
  write_text(state_->folder.done(), "the result is whole\n");
  put_in_place(whole, state_->result);
  remove();
}

void RunParts::remove() {
  state_->folder.remove_contents();
  state_->folder.remove_locks();
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
