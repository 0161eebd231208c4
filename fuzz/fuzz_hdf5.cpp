// Any bytes: HDF5 files are listed and their data sets read by rows, or mho::Error is thrown.
#include <mho/rows.h>

#include <algorithm>

#include "attempt.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::MemoryFile file(data, size);
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
