// Any bytes: HDF5 files are listed, their data sets read by rows, and results in them, or mho::Error is thrown.
#include <mho/io.h>
#include <mho/rows.h>

#include <algorithm>
#include <cstdint>

#include "attempt.h"
#include "disk_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::DiskFile file(data, size, ".h5");
  mho::fuzz::attempt([&] {
    const auto entries = mho::io::list_hdf5(file.path());
    bool small = true;
    for (std::size_t i = 0; i < std::min<std::size_t>(entries.size(), 8); ++i) {
      mho::fuzz::attempt([&] {
        const auto rows = mho::io::open_hdf5_rows(file.path(), entries[i].name);
        const std::int64_t count = rows->shape().empty() ? 1 : std::min<std::int64_t>(rows->shape()[0], 4);
        std::int64_t row = 1;
        for (std::size_t axis = 1; axis < rows->shape().size(); ++axis) {
          if (rows->shape()[axis] > (1 << 20) || (row *= rows->shape()[axis]) > (1 << 20)) small = false;
        }
        if (!small) return;
        static_cast<void>(rows->read(0, count));
        small = rows->shape().empty() || rows->shape()[0] < (1 << 10);
      });
    }
    if (small) mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_result(file.path())); });
  });
  return 0;
}
