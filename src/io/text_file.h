// A text file, gzipped or not, character by character.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mho::io {

/// Reads what zlib makes of the file: gzip streams unpacked, all else as it is. More than `limit` characters are
/// Error(kLimit), so that a small archive cannot keep the program busy for ever. All functions throw Error(kIo) naming
/// the file.
class TextFile {
 public:
  explicit TextFile(std::filesystem::path path, std::uint64_t limit = std::uint64_t{1} << 36);

  static constexpr int kEnd = -1;
  /// The next character as an unsigned char, or kEnd.
  int get() { return at_ < end_ || fill() ? static_cast<unsigned char>(buffer_[at_++]) : kEnd; }
  int peek() { return at_ < end_ || fill() ? static_cast<unsigned char>(buffer_[at_]) : kEnd; }
  /// One line without its end, false where none is left. Longer than `limit` is Error(kLimit).
  bool line(std::string& into, std::size_t limit);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(gzFile file) const noexcept { gzclose(file); }
  };
  bool fill();

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t limit_;
  std::uint64_t read_ = 0;
  bool ended_ = false;
};

}  // namespace mho::io
