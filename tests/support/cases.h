// The models and arrays of tests/cases, as tests use them.
#pragma once

#include <mho/io.h>

#include <filesystem>
#include <string>

namespace mho::testing {

inline std::filesystem::path case_path(const std::string& file) {
  return std::filesystem::path(MHO_SOURCE_DIR) / "tests/cases" / file;
}

}  // namespace mho::testing
