// Writing a text so that no reader ever sees half of it.
#pragma once

#include <filesystem>
#include <string_view>

namespace mho::cli {

/// Writes to a temporary name in the same folder and renames. Throws Error(kIo).
void write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace mho::cli
