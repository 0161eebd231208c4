// Any bytes: the picture readers either give an array or throw mho::Error.
#include <mho/error.h>
#include <mho/io.h>

#include <cstdlib>

#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::MemoryFile file(data, size);
  mho::io::ImageOptions options;
  options.height = 8;
  options.width = 8;
  for (const std::int64_t channels : {1, 3}) {
    options.channels = channels;
    try {
      static_cast<void>(mho::io::read_image(file.path(), options));
    } catch (const mho::Error& error) {
      if (error.code() == mho::Code::kInternal) std::abort();
    }
  }
  return 0;
}
