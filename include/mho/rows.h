// Arrays in files, read a few rows at a time: for data sets larger than memory.
#pragma once

#include <mho/array.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mho::io {

/// An array in a file. Its rows lie along the first axis. Several threads may read the same one only in turn.
class Rows {
 public:
  Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  virtual ~Rows() = default;

  [[nodiscard]] virtual DType dtype() const = 0;
  [[nodiscard]] virtual const Shape& shape() const = 0;
  /// Rows first to last (excluded), all other axes whole; of an array without axes (0, 1) is all of it.
  /// Throws Error(kIo, kLimit, kInvalidArgument).
  [[nodiscard]] virtual Array read(std::int64_t first, std::int64_t last) const = 0;
};

/// A .npy; in Fortran order, where rows lie scattered, it is read whole. Throws as read_npy.
[[nodiscard]] std::unique_ptr<Rows> open_npy_rows(const std::filesystem::path& path);

/// What an archive or HDF5 file holds.
struct ArrayEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

/// `.h5`, `.hdf5`, `.hdf`, `.he5`.
[[nodiscard]] bool is_hdf5_path(const std::filesystem::path& path);
/// The data sets of numbers in an HDF5 file, with their path and without its leading slash ("group/x").
/// Throws Error(kIo, kLimit).
[[nodiscard]] std::vector<ArrayEntry> list_hdf5(const std::filesystem::path& path);
/// A data set of an HDF5 file: integers, floats and booleans, whatever their byte order, chunks and filters.
/// Data that lies in other files (external links and storage, virtual data sets) is refused.
/// Throws Error(kIo, kNotFound, kUnsupported, kLimit).
[[nodiscard]] std::unique_ptr<Rows> open_hdf5_rows(const std::filesystem::path& path, const std::string& dataset);

}  // namespace mho::io
