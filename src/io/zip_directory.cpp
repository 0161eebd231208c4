// Reads the central directory of a zip archive and refuses everything in it that does not add up.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <optional>

#include "io/zip.h"

namespace mho::io {

namespace {

// Deflate reaches at most 1032:1, and arrays that compress far are small; archives beyond both bounds are bombs.
constexpr std::uint64_t kMostRatio = 1032;
constexpr std::uint64_t kRatioOfLargeArchives = 256;
constexpr std::uint64_t kLargeArchive = std::uint64_t{256} << 20;
constexpr std::uint64_t kMostDirectoryBytes = std::uint64_t{256} << 20;

/// Little-endian integers out of bytes whose length was checked by the caller or is checked by `need`.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool has(std::size_t count) const { return bytes_.size() >= count; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

  std::uint64_t take(std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::to_integer<std::uint64_t>(bytes_[i]) << (8 * i);
    bytes_ = bytes_.subspan(width);
    return value;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(take(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(take(4)); }
  std::uint64_t u64() { return take(8); }
  std::span<const std::byte> bytes(std::size_t count) {
    const auto result = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return result;
  }

 private:
  std::span<const std::byte> bytes_;
};

[[noreturn]] void damaged(const InputFile& file, std::string_view why) {
  throw Error(Code::kIo, fmt::format("{}: {}; it is not a valid .npz archive", file.path().string(), why));
}

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
};

/// The zip64 end record, if a locator stands right before the end record at `end_offset`.
std::optional<Directory> find_directory64(const InputFile& file, std::uint64_t end_offset) {
  if (end_offset < zip::kLocator64Bytes) return std::nullopt;
  std::vector<std::byte> locator(zip::kLocator64Bytes);
  file.read_at(end_offset - zip::kLocator64Bytes, locator);
  Fields fields(locator);
  if (fields.u32() != zip::kLocator64Signature) return std::nullopt;
  fields.u32();
  const std::uint64_t offset = fields.u64();
  const std::uint64_t before_locator = end_offset - zip::kLocator64Bytes;
  if (offset > before_locator || before_locator - offset < zip::kEnd64Bytes) {
    damaged(file, "its zip64 end record lies outside the file");
  }
  std::vector<std::byte> end(zip::kEnd64Bytes);
  file.read_at(offset, end);
  Fields record(end);
  if (record.u32() != zip::kEnd64Signature) damaged(file, "its zip64 end record is missing");
  record.bytes(8 + 2 + 2);  // size of the record, versions
  if (record.u32() != 0 || record.u32() != 0) damaged(file, "it is split over several files");
  Directory directory;
  record.u64();  // entries on this disk
  directory.count = record.u64();
  directory.size = record.u64();
  directory.offset = record.u64();
  if (directory.offset > offset || directory.size > offset - directory.offset) {
    damaged(file, "its directory lies outside the file");
  }
  return directory;
}

Directory find_directory(const InputFile& file) {
  if (file.size() < zip::kEndBytes) damaged(file, "it is too short");
  // The end record closes the file, followed by at most 65,535 bytes of comment.
  const std::uint64_t tail_size = std::min<std::uint64_t>(file.size(), zip::kEndBytes + 65535);
  std::vector<std::byte> tail(static_cast<std::size_t>(tail_size));
  file.read_at(file.size() - tail_size, tail);
  for (std::size_t at = tail.size() - zip::kEndBytes + 1; at-- > 0;) {
    Fields end{std::span(tail).subspan(at)};
    if (end.u32() != zip::kEndSignature) continue;
    const std::uint16_t disk = end.u16();
    const std::uint16_t first_disk = end.u16();
    end.u16();
    Directory directory;
    directory.count = end.u16();
    directory.size = end.u32();
    directory.offset = end.u32();
    const std::uint16_t comment = end.u16();
    if (comment != end.left()) continue;
    const std::uint64_t end_offset = file.size() - tail_size + at;
    if (const auto directory64 = find_directory64(file, end_offset)) return *directory64;
    if (disk != 0 || first_disk != 0) damaged(file, "it is split over several files");
    if (directory.offset > end_offset || directory.size > end_offset - directory.offset) {
      damaged(file, "its directory lies outside the file");
    }
    return directory;
  }
  damaged(file, "it has no zip end record (truncated, or another format)");
}

/// Sizes and offset that did not fit into 32 bits stand in the zip64 field, in this order.
void read_zip64_field(const InputFile& file, Fields extra, ZipEntry& entry) {
  while (extra.has(4)) {
    const std::uint16_t tag = extra.u16();
    const std::uint16_t size = extra.u16();
    if (!extra.has(size)) break;
    Fields field(extra.bytes(size));
    if (tag != zip::kZip64Field) continue;
    for (std::uint64_t* value : {&entry.uncompressed, &entry.compressed, &entry.header_offset}) {
      if (*value != zip::kIn64) continue;
      if (!field.has(8)) damaged(file, fmt::format("its member '{}' has an incomplete zip64 field", entry.name));
      *value = field.u64();
    }
    return;
  }
}

ZipEntry read_entry(const InputFile& file, Fields& fields) {
  if (!fields.has(zip::kCentralBytes) || fields.u32() != zip::kCentralSignature) {
    damaged(file, "its directory is cut short");
  }
  fields.bytes(4);  // versions
  const std::uint16_t flags = fields.u16();
  const std::uint16_t method = fields.u16();
  fields.bytes(4);  // time and date
  ZipEntry entry;
  entry.crc = fields.u32();
  entry.compressed = fields.u32();
  entry.uncompressed = fields.u32();
  const std::uint16_t name_size = fields.u16();
  const std::uint16_t extra_size = fields.u16();
  const std::uint16_t comment_size = fields.u16();
  fields.bytes(2 + 2 + 4);  // disk, attributes
  entry.header_offset = fields.u32();
  if (!fields.has(std::size_t{name_size} + extra_size + comment_size)) damaged(file, "its directory is cut short");
  const auto name = fields.bytes(name_size);
  entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  read_zip64_field(file, Fields(fields.bytes(extra_size)), entry);
  fields.bytes(comment_size);
  if ((flags & 1) != 0) {
    throw Error(Code::kUnsupported,
                fmt::format("{}: its member '{}' is encrypted; save it without", file.path().string(), entry.name));
  }
  if (method != 0 && method != 8) {
    throw Error(Code::kUnsupported,
                fmt::format("{}: its member '{}' is compressed by method {}; stored and deflated ones can be read",
                            file.path().string(), entry.name, method));
  }
  entry.deflated = method == 8;
  return entry;
}

void check_ranges(const InputFile& file, const Directory& directory, const std::vector<ZipEntry>& entries) {
  std::vector<const ZipEntry*> by_offset;
  std::uint64_t total = 0;
  for (const ZipEntry& entry : entries) {
    by_offset.push_back(&entry);
    const std::uint64_t room = directory.offset;
    if (entry.header_offset > room || room - entry.header_offset < zip::kLocalBytes ||
        entry.compressed > room - entry.header_offset - zip::kLocalBytes) {
      damaged(file, fmt::format("its member '{}' lies outside the file", entry.name));
    }
    const std::uint64_t most = entry.deflated ? (entry.compressed + 1) * kMostRatio : entry.compressed;
    if (entry.uncompressed > most || (!entry.deflated && entry.uncompressed != entry.compressed)) {
      damaged(file, fmt::format("its member '{}' claims {} bytes out of {} compressed ones", entry.name,
                                entry.uncompressed, entry.compressed));
    }
    total += entry.uncompressed;
    if (total > kLargeArchive && total / kRatioOfLargeArchives > file.size()) {
      throw Error(Code::kLimit, fmt::format("{}: unpacks to more than {} times its size; if it is meant to, save it "
                                            "uncompressed (numpy.savez)",
                                            file.path().string(), kRatioOfLargeArchives));
    }
  }
  std::sort(by_offset.begin(), by_offset.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->header_offset < b->header_offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const ZipEntry& before = *by_offset[i - 1];
    if (by_offset[i]->header_offset - before.header_offset < before.compressed + zip::kLocalBytes) {
      damaged(file, fmt::format("its members '{}' and '{}' overlap", before.name, by_offset[i]->name));
    }
  }
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(const InputFile& file) {
  const Directory directory = find_directory(file);
  if (directory.size > kMostDirectoryBytes) damaged(file, "its directory is absurdly large");
  if (directory.count > directory.size / zip::kCentralBytes) damaged(file, "its directory is cut short");
  std::vector<std::byte> bytes(static_cast<std::size_t>(directory.size));
  file.read_at(directory.offset, bytes);
  Fields fields(bytes);
  std::vector<ZipEntry> entries;
  entries.reserve(static_cast<std::size_t>(directory.count));
  for (std::uint64_t i = 0; i < directory.count; ++i) entries.push_back(read_entry(file, fields));
  if (fields.left() != 0) damaged(file, "its directory holds more than it says");
  check_ranges(file, directory, entries);
  return entries;
}

}  // namespace mho::io
