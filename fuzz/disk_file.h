// Bytes as a file on disk, for readers that ask for the real path or look at the name.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace mho::fuzz {

/// Named `mho_fuzz_PID<ending>` in memory where there is /dev/shm (files that mho writes are flushed to disk), else in
/// the folder for temporary files; gone with this object.
class DiskFile {
 public:
  DiskFile(const std::uint8_t* data, std::size_t size, const std::string& ending)
      : path_(folder() / ("mho_fuzz_" + std::to_string(getpid()) + ending)) {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    if (!file.flush()) std::abort();
  }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  ~DiskFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  [[nodiscard]] static std::filesystem::path folder() {
    std::error_code none;
    return std::filesystem::is_directory("/dev/shm", none) ? "/dev/shm" : std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

}  // namespace mho::fuzz
