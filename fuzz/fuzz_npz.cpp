// Any bytes: the readers of .npy and .npz either give arrays or throw mho::Error.
#include <mho/io.h>

#include "attempt.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::MemoryFile file(data, size);
  mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_npy(file.path())); });
  mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_npz(file.path())); });
  mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_npz_texts(file.path())); });
  return 0;
}
