// Any bytes: the readers of .npy and .npz either give arrays or throw mho::Error.
#include <mho/error.h>
#include <mho/io.h>

#include <cstdlib>

#include "memory_file.h"

namespace {

template <class Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const mho::Error& error) {
    if (error.code() == mho::Code::kInternal) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::MemoryFile file(data, size);
  attempt([&] { static_cast<void>(mho::io::read_npy(file.path())); });
  attempt([&] { static_cast<void>(mho::io::read_npz(file.path())); });
  attempt([&] { static_cast<void>(mho::io::read_npz_texts(file.path())); });
  return 0;
}
