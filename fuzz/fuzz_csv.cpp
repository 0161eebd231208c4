// Any bytes: the readers of tables and of JSON lists either give arrays or throw mho::Error.
#include <mho/formats.h>

#include <string>

#include "attempt.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mho::fuzz::MemoryFile file(data, size);
  mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_table(file.path())); });
  const std::string column = "a";
  mho::fuzz::attempt([&] { static_cast<void>(mho::io::read_table(file.path(), {&column, 1})); });
  mho::fuzz::attempt([&] {
    for (const auto& [name, lists] : mho::io::read_json_lists(file.path())) {
      static_cast<void>(mho::io::to_array(lists, 0, 0.0, name));
    }
  });
  return 0;
}
