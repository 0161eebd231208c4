// The page, its style and its scripts, put into the library by the build (cmake/MhoReportAssets.cmake).
#pragma once

#include <string_view>

namespace mho::report::assets {

[[nodiscard]] std::string_view page();
[[nodiscard]] std::string_view style();
[[nodiscard]] std::string_view script();
/// SHA-256 of the script, hexadecimal.
[[nodiscard]] std::string_view script_sha256();

}  // namespace mho::report::assets
