// Streams the uncompressed bytes of one zip member and checks their CRC.
#include <fmt/format.h>
#include <mho/error.h>
#include <zlib.h>

#include <algorithm>

#include "io/zip.h"

namespace mho::io {

namespace {

class EntrySource : public ByteSource {
 public:
  EntrySource(const InputFile& file, const ZipEntry& entry, std::uint64_t data_offset)
      : file_(file), entry_(entry), position_(data_offset), packed_left_(entry.compressed), left_(entry.uncompressed) {}

  void read(std::span<std::byte> into) final {
    if (into.size() > left_) damaged("ends early");
    // zlib counts in 32 bits.
    constexpr std::size_t kMost = std::size_t{1} << 30;
    while (!into.empty()) {
      const auto part = into.first(std::min(into.size(), kMost));
      produce(part);
      crc_ = crc32(crc_, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
      left_ -= part.size();
      into = into.subspan(part.size());
    }
    if (left_ == 0) finish();
  }

  [[nodiscard]] std::uint64_t remaining() const final { return left_; }

 protected:
  /// Fills all of `into`.
  virtual void produce(std::span<std::byte> into) = 0;
  /// Called after the last byte.
  virtual void finish() {
    if (crc_ != entry_.crc) damaged("does not match its CRC");
  }

  /// The next packed bytes, at most as many as `into` holds.
  std::size_t take_packed(std::span<std::byte> into) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), packed_left_));
    file_.read_at(position_, into.first(count));
    position_ += count;
    packed_left_ -= count;
    return count;
  }

  [[noreturn]] void damaged(std::string_view why) const {
    throw Error(Code::kIo,
                fmt::format("{}: its member '{}' {}; the archive is damaged", file_.path().string(), entry_.name, why));
  }

 private:
  const InputFile& file_;
  ZipEntry entry_;
  std::uint64_t position_;
  std::uint64_t packed_left_;
  std::uint64_t left_;
  uLong crc_ = crc32(0, nullptr, 0);
};

class StoredSource final : public EntrySource {
 public:
  using EntrySource::EntrySource;

 private:
  void produce(std::span<std::byte> into) override {
    if (take_packed(into) != into.size()) damaged("ends early");
  }
};

class DeflatedSource final : public EntrySource {
 public:
  DeflatedSource(const InputFile& file, const ZipEntry& entry, std::uint64_t data_offset)
      : EntrySource(file, entry, data_offset), packed_(std::size_t{1} << 16) {
    // Negative window bits: raw deflate, without zlib's own header.
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw Error(Code::kInternal, "zlib could not be set up");
  }
  ~DeflatedSource() override { inflateEnd(&stream_); }

 private:
  void produce(std::span<std::byte> into) override {
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(into.size());
    while (stream_.avail_out > 0) {
      if (ended_) damaged("ends early");
      if (stream_.avail_in == 0) {
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(take_packed(packed_));
        if (stream_.avail_in == 0) damaged("ends early");
      }
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        ended_ = true;
      } else if (status != Z_OK) {
        damaged("cannot be decompressed");
      }
    }
  }

  std::vector<std::byte> packed_;
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_zip_entry(const InputFile& file, const ZipEntry& entry) {
  std::byte header[zip::kLocalBytes];
  file.read_at(entry.header_offset, header);
  const auto field = [&](std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::to_integer<std::uint64_t>(header[at + i]) << (8 * i);
    return value;
  };
  // The local header repeats the name and has an extra field of its own; only their lengths matter here.
  const std::uint64_t data_offset = entry.header_offset + zip::kLocalBytes + field(26, 2) + field(28, 2);
  if (field(0, 4) != zip::kLocalSignature || data_offset > file.size() ||
      entry.compressed > file.size() - data_offset) {
    throw Error(Code::kIo, fmt::format("{}: its member '{}' is not where the directory says; the archive is damaged",
                                       file.path().string(), entry.name));
  }
  if (entry.deflated) return std::make_unique<DeflatedSource>(file, entry, data_offset);
  return std::make_unique<StoredSource>(file, entry, data_offset);
}

}  // namespace mho::io
