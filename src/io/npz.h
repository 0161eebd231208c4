// Writes .npz archives array by array, so that a result is never copied.
#pragma once

#include <mho/array.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "io/zip.h"

namespace mho::io {

class NpzWriter {
 public:
  explicit NpzWriter(const std::filesystem::path& path) : zip_(path) {}
  /// Throws Error(kInvalidArgument) for a name that is there already or holds a zero byte.
  void add(std::string_view name, const Array& array);
  void add_text(std::string_view name, std::string_view utf8);
  void finish() { zip_.finish(); }

 private:
  [[nodiscard]] std::string member(std::string_view name);

  ZipWriter zip_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace mho::io
