// Writing a text so that no reader ever sees half of it.
#include "text_file.h"

#include <fmt/format.h>
#include <mho/error.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace mho::cli {

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{}.tmp", getpid());
  const auto fail = [&](const std::string& why) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw Error(Code::kIo, fmt::format("{} cannot be written: {}", path.string(), why));
  };
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  if (!file) fail(std::strerror(errno));
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error) fail(error.message());
}

}  // namespace mho::cli
