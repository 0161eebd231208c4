// What a page's scripts read: one JSON document, and the numbers as blocks of base64.
#pragma once

#include <mho/report.h>

#include <cstddef>
#include <string>
#include <vector>

namespace mho::report {

/// Little-endian float32 (or bytes) in base64, under an id of our own making.
struct Block {
  std::string id;
  std::string text;
};
struct Data {
  std::string title;  ///< valid UTF-8
  std::string json;   ///< without '<': it may stand in a script element
  std::vector<Block> blocks;
};

/// Throws as write_page. `reserved` bytes of the page are taken already.
[[nodiscard]] Data make_data(const Result& result, const Options& options, std::size_t reserved);

}  // namespace mho::report
