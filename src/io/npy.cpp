// read_npy and write_npy of <mho/io.h>.
#include <mho/error.h>
#include <mho/io.h>

#include "io/files.h"
#include "io/npy_format.h"

namespace mho::io {

namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const InputFile& file) : file_(file) {}
  void read(std::span<std::byte> into) override {
    file_.read_at(position_, into);
    position_ += into.size();
  }
  [[nodiscard]] std::uint64_t remaining() const override { return file_.size() - position_; }

 private:
  const InputFile& file_;
  std::uint64_t position_ = 0;
};

}  // namespace

Array read_npy(const std::filesystem::path& path) {
  const InputFile file(path);
  FileSource source(file);
  const NpyHeader header = read_npy_header(source, path.string());
  return read_npy_elements(source, header, path.string());
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  const std::string header = npy_header(npy_descr(array.dtype()), array.shape());
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(array.bytes());
  file.commit();
}

}  // namespace mho::io
