// Whether a text of the program has a part.
#pragma once

#include <string>

namespace mho::cli {

[[nodiscard]] inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace mho::cli
