// Any bytes: HDF5 files are listed and their data sets read by rows, or mho::Error is thrown.
#include <mho/rows.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "attempt.h"

namespace {

/// HDF5 asks for the real path of a file, which one in memory does not have.
class DiskFile {
 public:
  DiskFile(const std::uint8_t* data, std::size_t size)
      : path_(std::filesystem::temp_directory_path() / ("mho_fuzz_" + std::to_string(getpid()) + ".h5")) {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    if (!file.flush()) std::abort();
  }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  ~DiskFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const DiskFile file(data, size);
  mho::fuzz::attempt([&] {
    const auto entries = mho::io::list_hdf5(file.path());
    for (std::size_t i = 0; i < std::min<std::size_t>(entries.size(), 8); ++i) {
      mho::fuzz::attempt([&] {
        const auto rows = mho::io::open_hdf5_rows(file.path(), entries[i].name);
        const std::int64_t count = rows->shape().empty() ? 1 : std::min<std::int64_t>(rows->shape()[0], 4);
        std::int64_t row = 1;
        for (std::size_t axis = 1; axis < rows->shape().size(); ++axis) {
          if (rows->shape()[axis] > (1 << 20) || (row *= rows->shape()[axis]) > (1 << 20)) return;
        }
        static_cast<void>(rows->read(0, count));
      });
    }
  });
  return 0;
}
