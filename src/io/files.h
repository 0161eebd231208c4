// Files as io needs them: bounded random reads of untrusted files, and writes that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace mho::io {

/// Owns a POSIX file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const noexcept { return fd_; }
  int release() noexcept;

 private:
  int fd_;
};

/// A regular file opened for reading. All functions throw Error(kIo) naming the file.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Fills `into` from `offset`; a range outside the file is an error.
  void read_at(std::uint64_t offset, std::span<std::byte> into) const;
  /// The whole file; larger than `limit` bytes is Error(kLimit).
  [[nodiscard]] std::vector<std::byte> read_all(std::uint64_t limit) const;

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

/// Writes to a temporary name beside `path`; `commit` flushes it to the disk and renames it. Without a commit (an
/// exception, say) the temporary file is removed and whatever was at `path` stays as it was.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// Replaces bytes that were written already.
  void overwrite(std::uint64_t offset, std::span<const std::byte> bytes);
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  Descriptor descriptor_;
  std::uint64_t position_ = 0;
};

/// Flushes a file, and a folder, to the disk. Folders of file systems that cannot are left alone.
void flush_file(const std::filesystem::path& path);
void flush_folder(const std::filesystem::path& folder);
/// Renames within a file system, and flushes the folder of the new name. Throws Error(kIo).
void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace mho::io
