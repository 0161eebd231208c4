// Writes .npz archives array by array, so that a result is never copied.
#pragma once

#include <mho/array.h>

#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/zip.h"

namespace mho::io {

class NpzWriter {
 public:
  explicit NpzWriter(const std::filesystem::path& path) : zip_(path) {}
  /// Throws Error(kInvalidArgument) for a name that is there already or holds a zero byte.
  void add(std::string_view name, const Array& array);
  void add_text(std::string_view name, std::string_view utf8);
  void add_texts(std::string_view name, std::span<const std::string> utf8);
  /// An array piece by piece: `append` as often as it takes to give all of `shape`, then `end`.
  void begin(std::string_view name, DType dtype, const Shape& shape);
  void append(std::span<const std::byte> elements) { zip_.append(elements); }
  void end() { zip_.end(); }
  void finish() { zip_.finish(); }

 private:
  [[nodiscard]] std::string member(std::string_view name);

  ZipWriter zip_;
  std::set<std::string, std::less<>> names_;
};

/// One array of a .npz. Throws Error(kIo) where it is not there.
[[nodiscard]] Array read_npz_array(const std::filesystem::path& path, std::string_view name);
/// The one-dimensional arrays of texts in a .npz.
[[nodiscard]] std::map<std::string, std::vector<std::string>, std::less<>> read_npz_text_lists(
    const std::filesystem::path& path);

}  // namespace mho::io
