// Any bytes: the reader of FASTA, gzipped or not, either gives sequences that become one-hot arrays or throws
// mho::Error.
#include <mho/formats.h>

#include "attempt.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::MemoryFile file(data, size);
  for (const std::int64_t length : {0, 4}) {
    mho::fuzz::attempt([&] {
      const mho::io::Sequences sequences = mho::io::read_fasta(file.path(), length);
      const auto count = static_cast<std::int64_t>(sequences.names.size());
      static_cast<void>(mho::io::one_hot(sequences, 0, count, length == 0, 0.25));
      static_cast<void>(mho::io::one_hot(sequences, count - 1, count, length != 0));
    });
  }
  return 0;
}
