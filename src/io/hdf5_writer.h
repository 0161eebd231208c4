// Writes HDF5 files piece by piece: the same calls make the same bytes.
#pragma once

#include <mho/array.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "io/hdf5.h"

namespace mho::io {

class Hdf5Writer {
 public:
  /// Makes the file or empties it. All functions throw Error(kIo).
  explicit Hdf5Writer(const std::filesystem::path& path);
  /// A data set of `shape`, in chunks of whole rows, to be filled by append(). Groups in the name are made. bool is
  /// stored as h5py does.
  void create(const std::string& name, DType dtype, const Shape& shape);
  /// Texts of up to `width` bytes.
  void create_texts(const std::string& name, std::int64_t count, std::size_t width);
  /// The next rows of a data set, converted to its type.
  void append(const std::string& name, const Array& rows);
  void append(const std::string& name, std::span<const std::string> texts);
  /// One UTF-8 text.
  void add_text(const std::string& name, const std::string& text);
  /// Nothing of the file is in memory any more after this.
  void close();

 private:
  struct Dataset {
    hdf5::Handle handle;
    hdf5::Handle type;
    DType dtype = DType::f32;
    Shape shape;
    std::size_t width = 0;  ///< of texts
    std::int64_t written = 0;
  };
  [[nodiscard]] hdf5::Handle file_type(DType dtype) const;
  void create(const std::string& name, Dataset dataset, std::size_t item_bytes);
  void write(const std::string& name, Dataset& dataset, std::int64_t rows, hid_t memory, const void* data);

  std::filesystem::path path_;
  hdf5::Handle file_;
  std::map<std::string, Dataset> datasets_;
};

}  // namespace mho::io
