// Writes zip archives of stored members: results are floats, which hardly compress.
#include <fmt/format.h>
#include <mho/error.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "io/zip.h"

namespace mho::io {

namespace {

/// Little-endian integers one after the other.
class Record {
 public:
  Record& u16(std::uint64_t value) { return put(value, 2); }
  Record& u32(std::uint64_t value) { return put(value, 4); }
  Record& u64(std::uint64_t value) { return put(value, 8); }
  Record& text(std::string_view value) {
    bytes_.append(value);
    return *this;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }

 private:
  Record& put(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
    return *this;
  }
  std::string bytes_;
};

constexpr std::uint64_t kVersion = 45;             // the first with zip64
constexpr std::uint64_t kNameIsUtf8 = 0x0800;      // flag bit 11
constexpr std::uint64_t kFirstOfJanuary1980 = 33;  // a fixed date: the same result gives the same file

constexpr std::uint64_t kCrcOffset = 14;  // in a local header

std::uint32_t add_to_crc(std::uint32_t crc, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto some = bytes.first(std::min(bytes.size(), std::size_t{1} << 30));
    crc = static_cast<std::uint32_t>(
        crc32(crc, reinterpret_cast<const Bytef*>(some.data()), static_cast<uInt>(some.size())));
    bytes = bytes.subspan(some.size());
  }
  return crc;
}

}  // namespace

void ZipWriter::add(std::string_view name, std::span<const std::byte> head, std::span<const std::byte> body) {
  begin(name, std::uint64_t{head.size()} + body.size());
  append(head);
  append(body);
  end();
}

void ZipWriter::begin(std::string_view name, std::uint64_t size) {
  if (name.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(Code::kLimit, fmt::format("the array name '{}...' is too long for an archive", name.substr(0, 40)));
  }
  ZipEntry entry;
  entry.name = name;
  entry.compressed = entry.uncompressed = size;
  entry.header_offset = file_.position();
  Record local;
  local.u32(zip::kLocalSignature).u16(kVersion).u16(kNameIsUtf8).u16(0).u16(0).u16(kFirstOfJanuary1980);
  // Sizes always go to the zip64 field, as numpy does: one form, whatever the size. The CRC is not known yet.
  local.u32(0).u32(zip::kIn64).u32(zip::kIn64).u16(name.size()).u16(20).text(name);
  local.u16(zip::kZip64Field).u16(16).u64(entry.uncompressed).u64(entry.compressed);
  file_.write(local.bytes());
  left_ = size;
  entries_.push_back(std::move(entry));
}

void ZipWriter::append(std::span<const std::byte> bytes) {
  if (bytes.size() > left_) throw Error(Code::kInternal, "a member of an archive is longer than was said");
  entries_.back().crc = add_to_crc(entries_.back().crc, bytes);
  file_.write(bytes);
  left_ -= bytes.size();
}

void ZipWriter::end() {
  if (left_ != 0) throw Error(Code::kInternal, "a member of an archive is shorter than was said");
  Record crc;
  crc.u32(entries_.back().crc);
  file_.overwrite(entries_.back().header_offset + kCrcOffset, crc.bytes());
}

void ZipWriter::finish() {
  const std::uint64_t start = file_.position();
  for (const ZipEntry& entry : entries_) {
    Record record;
    record.u32(zip::kCentralSignature).u16(kVersion).u16(kVersion).u16(kNameIsUtf8).u16(0).u16(0);
    record.u16(kFirstOfJanuary1980).u32(entry.crc);
    const bool large = std::max(entry.uncompressed, entry.header_offset) >= zip::kIn64;
    const auto narrow = [&](std::uint64_t value) { return large ? std::uint64_t{zip::kIn64} : value; };
    record.u32(narrow(entry.compressed)).u32(narrow(entry.uncompressed));
    record.u16(entry.name.size()).u16(large ? 28 : 0).u16(0).u16(0).u16(0).u32(0).u32(narrow(entry.header_offset));
    record.text(entry.name);
    if (large) {
      record.u16(zip::kZip64Field).u16(24).u64(entry.uncompressed).u64(entry.compressed).u64(entry.header_offset);
    }
    file_.write(record.bytes());
  }
  const std::uint64_t end = file_.position();
  const std::uint64_t count = entries_.size();
  const bool large = end >= zip::kIn64 || count >= 0xFFFF;
  Record record;
  if (large) {
    record.u32(zip::kEnd64Signature).u64(zip::kEnd64Bytes - 12).u16(kVersion).u16(kVersion).u32(0).u32(0);
    record.u64(count).u64(count).u64(end - start).u64(start);
    record.u32(zip::kLocator64Signature).u32(0).u64(end).u32(1);
  }
  const auto narrow = [&](std::uint64_t value, std::uint64_t most) { return large ? most : value; };
  record.u32(zip::kEndSignature).u16(0).u16(0).u16(narrow(count, 0xFFFF)).u16(narrow(count, 0xFFFF));
  record.u32(narrow(end - start, zip::kIn64)).u32(narrow(start, zip::kIn64)).u16(0);
  file_.write(record.bytes());
  file_.commit();
}

}  // namespace mho::io
