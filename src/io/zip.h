// Zip archives as .npz uses them: members stored or deflated, zip64 where sizes need it.
// Format: PKWARE APPNOTE 6.3, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files.h"
#include "io/npy_format.h"

namespace mho::io {

/// A member as the central directory describes it; sizes and offsets were checked against the file.
struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t compressed = 0;
  std::uint64_t uncompressed = 0;
  std::uint64_t header_offset = 0;
};

/// Reads and checks the central directory: signatures, ranges, overlaps, encryption, absurd compression.
/// Throws Error(kIo), Error(kUnsupported) or Error(kLimit).
[[nodiscard]] std::vector<ZipEntry> read_zip_directory(const InputFile& file);

/// Opens a member as a stream of its uncompressed bytes. Reading its last byte checks the CRC.
[[nodiscard]] std::unique_ptr<ByteSource> open_zip_entry(const InputFile& file, const ZipEntry& entry);

/// Writes stored members one after the other; `finish` writes the directory and puts the file in place.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : file_(path) {}
  /// The member is `head` followed by `body`.
  void add(std::string_view name, std::span<const std::byte> head, std::span<const std::byte> body);
  /// The same piece by piece: `begin`, `append` as often as it takes to give `size` bytes, `end`.
  void begin(std::string_view name, std::uint64_t size);
  void append(std::span<const std::byte> bytes);
  void end();
  void finish();

 private:
  AtomicFile file_;
  std::uint64_t left_ = 0;  ///< bytes of the open member that are still to come
  std::vector<ZipEntry> entries_;
};

namespace zip {

// Signatures and sizes that reader and writer share.
inline constexpr std::uint32_t kLocalSignature = 0x04034b50;
inline constexpr std::uint32_t kCentralSignature = 0x02014b50;
inline constexpr std::uint32_t kEndSignature = 0x06054b50;
inline constexpr std::uint32_t kEnd64Signature = 0x06064b50;
inline constexpr std::uint32_t kLocator64Signature = 0x07064b50;
inline constexpr std::size_t kLocalBytes = 30;
inline constexpr std::size_t kCentralBytes = 46;
inline constexpr std::size_t kEndBytes = 22;
inline constexpr std::size_t kEnd64Bytes = 56;
inline constexpr std::size_t kLocator64Bytes = 20;
inline constexpr std::uint16_t kZip64Field = 0x0001;
inline constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  ///< "see the zip64 field"

}  // namespace zip
}  // namespace mho::io
