// Bounded reads and atomic writes over POSIX descriptors.
#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <mho/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

namespace mho::io {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int error) {
  throw Error(Code::kIo, fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error)));
}

std::filesystem::path final_path(const std::filesystem::path& path) {
  // A link is written through, as every other program does, instead of being replaced by a file.
  std::error_code ignored;
  if (std::filesystem::is_symlink(path, ignored)) {
    const auto target = std::filesystem::canonical(path, ignored);
    if (!ignored) return target;
  }
  return path;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int Descriptor::release() noexcept { return std::exchange(fd_, -1); }

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a named pipe that nobody writes to must not hang; the check below then refuses it.
  descriptor_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor_.get() < 0) fail(path_, "cannot be opened for reading", errno);
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) fail(path_, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(Code::kIo, fmt::format("{}: is not a regular file", path_.string()));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset > size_ || into.size() > size_ - offset) {
    throw Error(Code::kIo, fmt::format("{}: {} bytes are needed from offset {}, but the file has only {}; it is "
                                       "truncated or damaged",
                                       path_.string(), into.size(), offset, size_));
  }
  while (!into.empty()) {
    const ssize_t got = ::pread(descriptor_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "cannot be read", errno);
    if (got == 0) throw Error(Code::kIo, fmt::format("{}: became shorter while it was read", path_.string()));
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

std::vector<std::byte> InputFile::read_all(std::uint64_t limit) const {
  if (size_ > limit) {
    throw Error(Code::kLimit,
                fmt::format("{}: has {} bytes, more than the {} that are read", path_.string(), size_, limit));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(size_));
  read_at(0, bytes);
  return bytes;
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(final_path(path)) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path_, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(Code::kIo,
                fmt::format("{}: is not a regular file, so it is not replaced; give a file name", path_.string()));
  }
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary_ = path_.parent_path() / fmt::format(".{}.{:08x}.tmp", path_.filename().string(), random());
    descriptor_ = Descriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (descriptor_.get() >= 0) return;
    if (errno != EEXIST) break;
  }
  const int error = errno;
  temporary_.clear();
  fail(path_, "cannot be created", error);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  // Linux writes at most 2 GiB per call.
  constexpr std::size_t kMost = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor_.get(), bytes.data(), std::min(bytes.size(), kMost));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path_, "cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    position_ += static_cast<std::uint64_t>(put);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_.get()) != 0) fail(path_, "cannot be flushed to the disk", errno);
  if (::close(descriptor_.release()) != 0) fail(path_, "cannot be closed", errno);
  put_in_place(temporary_, path_);
  temporary_.clear();
}

void AtomicFile::overwrite(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path_, "cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

void flush_file(const std::filesystem::path& path) {
  const Descriptor handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (handle.get() < 0 || ::fsync(handle.get()) != 0) fail(path, "cannot be flushed to the disk", errno);
}

void flush_folder(const std::filesystem::path& folder) {
  const auto name = folder.empty() ? std::filesystem::path(".") : folder;
  const Descriptor handle(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() >= 0) ::fsync(handle.get());
}

void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to, "cannot be put in place", errno);
  // The new name itself survives a power failure only when the folder is flushed too.
  flush_folder(to.parent_path());
}

}  // namespace mho::io
