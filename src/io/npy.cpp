// read_npy, write_npy and open_npy_rows.
#include <fmt/format.h>
#include <mho/error.h>
#include <mho/io.h>
#include <mho/rows.h>

#include <algorithm>

#include "io/files.h"
#include "io/npy_format.h"

namespace mho::io {

namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const InputFile& file, std::uint64_t position = 0) : file_(file), position_(position) {}
  void read(std::span<std::byte> into) override {
    file_.read_at(position_, into);
    position_ += into.size();
  }
  [[nodiscard]] std::uint64_t remaining() const override {
    return position_ < file_.size() ? file_.size() - position_ : 0;
  }

 private:
  const InputFile& file_;
  std::uint64_t position_;
};

class NpyRows final : public Rows {
 public:
  explicit NpyRows(const std::filesystem::path& path) : file_(path) {
    FileSource source(file_);
    header_ = read_npy_header(source, path.string());
    start_ = file_.size() - source.remaining();
    const bool scattered = header_.fortran_order && header_.shape.size() > 1;
    if (scattered || header_.shape.empty()) whole_ = read_npy_elements(source, header_, path.string());
    shape_ = header_.shape;
    NpyHeader none = header_;
    if (!shape_.empty()) none.shape[0] = 0;
    dtype_ = whole_ ? whole_->dtype() : read_npy_elements(source, none, path.string()).dtype();
    const auto count = static_cast<std::uint64_t>(element_count(shape_));
    if (!whole_ && count > source.remaining() / std::max<std::size_t>(header_.item_size, 1)) {
      throw Error(Code::kIo, fmt::format("{}: its header says shape {} of {} bytes each, but only {} bytes follow; it "
                                         "is truncated or damaged",
                                         path.string(), to_string(shape_), header_.item_size, source.remaining()));
    }
  }

  [[nodiscard]] DType dtype() const override { return dtype_; }
  [[nodiscard]] const Shape& shape() const override { return shape_; }

  [[nodiscard]] Array read(std::int64_t first, std::int64_t last) const override {
    const std::int64_t rows = shape_.empty() ? 1 : shape_[0];
    if (first < 0 || first > last || last > rows) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("{}: there are no rows {} to {} of {}", file_.path().string(), first, last, rows));
    }
    if (whole_) return rows_of(*whole_, first, last);
    NpyHeader part = header_;
    part.shape[0] = last - first;
    const Shape row(shape_.begin() + 1, shape_.end());
    // That the whole array lies in the file was checked, so this does not overflow.
    const std::uint64_t row_bytes = static_cast<std::uint64_t>(element_count(row)) * header_.item_size;
    FileSource source(file_, start_ + static_cast<std::uint64_t>(first) * row_bytes);
    return read_npy_elements(source, part, file_.path().string());
  }

 private:
  static Array rows_of(const Array& array, std::int64_t first, std::int64_t last) {
    Shape shape = array.shape();
    if (shape.empty()) return array;
    const std::size_t stride = shape[0] == 0 ? 0 : array.bytes().size() / static_cast<std::size_t>(shape[0]);
    shape[0] = last - first;
    Array part(array.dtype(), shape);
    const auto from = array.bytes().subspan(stride * static_cast<std::size_t>(first), part.bytes().size());
    std::ranges::copy(from, part.bytes().begin());
    return part;
  }

  InputFile file_;
  NpyHeader header_;
  std::uint64_t start_ = 0;
  std::optional<Array> whole_;
  DType dtype_ = DType::f32;
  Shape shape_;
};

}  // namespace

Array read_npy(const std::filesystem::path& path) {
  const InputFile file(path);
  FileSource source(file);
  const NpyHeader header = read_npy_header(source, path.string());
  return read_npy_elements(source, header, path.string());
}

std::unique_ptr<Rows> open_npy_rows(const std::filesystem::path& path) { return std::make_unique<NpyRows>(path); }

void write_npy(const std::filesystem::path& path, const Array& array) {
  const std::string header = npy_header(npy_descr(array.dtype()), array.shape());
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(array.bytes());
  file.commit();
}

}  // namespace mho::io
