// The .npy format: a header that is a Python dictionary, then the elements.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <mho/array.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mho::io {

/// Bytes in order: a file, or one member of an archive.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;
  /// Fills `into` or throws Error(kIo).
  virtual void read(std::span<std::byte> into) = 0;
  /// Bytes that are still to come; trusted not to exceed what the source can deliver.
  [[nodiscard]] virtual std::uint64_t remaining() const = 0;
};

/// What a .npy header says.
struct NpyHeader {
  char kind = 'f';  ///< NumPy's letter: b, i, u, f, U, S, …
  std::size_t item_size = 4;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
};

/// Parses the dictionary text. Throws Error(kIo) naming `what`.
[[nodiscard]] NpyHeader parse_npy_header(std::string_view text, std::string_view what);
/// Reads magic, version and dictionary.
[[nodiscard]] NpyHeader read_npy_header(ByteSource& source, std::string_view what);
/// Reads the elements that follow `header`, converted to the nearest type of mho.
[[nodiscard]] Array read_npy_elements(ByteSource& source, const NpyHeader& header, std::string_view what);
/// A zero-dimensional unicode (U) or bytes (S) array as UTF-8; nullopt for anything else.
[[nodiscard]] std::optional<std::string> read_npy_text(ByteSource& source, const NpyHeader& header,
                                                       std::string_view what);

/// Magic, version 1.0 and dictionary, padded to 64 bytes; `descr` is NumPy's type text ("<f4").
[[nodiscard]] std::string npy_header(std::string_view descr, const Shape& shape);
/// "<f4", "<f8", "<i8", "<i4", "|b1".
[[nodiscard]] const char* npy_descr(DType type) noexcept;
/// A zero-dimensional unicode array that holds `utf8` (header and elements). Invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string npy_text(std::string_view utf8);
/// Likewise a one-dimensional array of texts.
[[nodiscard]] std::string npy_texts(std::span<const std::string> utf8);
/// A one-dimensional array of texts; nullopt for anything else.
[[nodiscard]] std::optional<std::vector<std::string>> read_npy_texts(ByteSource& source, const NpyHeader& header,
                                                                     std::string_view what);

}  // namespace mho::io
