// Writes HDF5 files piece by piece: the same calls make the same bytes.
#include "io/hdf5_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace mho::io {

using namespace hdf5;

namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kLargestChunk = (std::uint64_t{1} << 32) - 1;  // of the format

Handle text_type(std::size_t width, const std::filesystem::path& path) {
  Handle type = own(H5Tcopy(H5T_C_S1), H5Tclose, path, "cannot be written");
  require(H5Tset_size(type.get(), std::max<std::size_t>(width, 1)), path, "cannot be written");
  require(H5Tset_cset(type.get(), H5T_CSET_UTF8), path, "cannot be written");
  require(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), path, "cannot be written");
  return type;
}

hid_t memory_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return H5T_NATIVE_FLOAT;
    case DType::f64:
      return H5T_NATIVE_DOUBLE;
    case DType::i64:
      return H5T_NATIVE_INT64;
    case DType::i32:
      return H5T_NATIVE_INT32;
    case DType::b8:
      break;
  }
  return H5I_INVALID_HID;
}

}  // namespace

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path) : path_(path) {
  const Quiet quiet;
  const Handle created = own(H5Pcreate(H5P_FILE_CREATE), H5Pclose, path_, "cannot be created");
  require(H5Pset_obj_track_times(created.get(), false), path_, "cannot be created");
  file_ =
      own(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, created.get(), H5P_DEFAULT), H5Fclose, path_, "cannot be created");
}

Handle Hdf5Writer::file_type(DType dtype) const {
  const auto copy = [&](hid_t type) { return own(H5Tcopy(type), H5Tclose, path_, "cannot be written"); };
  switch (dtype) {
    case DType::f32:
      return copy(H5T_IEEE_F32LE);
    case DType::f64:
      return copy(H5T_IEEE_F64LE);
    case DType::i64:
      return copy(H5T_STD_I64LE);
    case DType::i32:
      return copy(H5T_STD_I32LE);
    case DType::b8:
      break;
  }
  Handle type = own(H5Tenum_create(H5T_STD_I8LE), H5Tclose, path_, "cannot be written");
  for (const auto& [name, value] : {std::pair<const char*, std::int8_t>{"FALSE", 0}, {"TRUE", 1}}) {
    require(H5Tenum_insert(type.get(), name, &value), path_, "cannot be written");
  }
  return type;
}

void Hdf5Writer::create(const std::string& name, Dataset dataset, std::size_t item_bytes) {
  const Quiet quiet;
  const std::string what = fmt::format("data set '{}' cannot be created", name);
  const Handle links = own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, path_, what);
  require(H5Pset_create_intermediate_group(links.get(), 1), path_, what);
  const Handle created = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path_, what);
  require(H5Pset_obj_track_times(created.get(), false), path_, what);
  // Every byte of the file is one that was written: what lies beyond the last row of a chunk is 0, not chance.
  require(H5Pset_fill_time(created.get(), H5D_FILL_TIME_ALLOC), path_, what);
  Handle space;
  if (dataset.shape.empty()) {
    space = own(H5Screate(H5S_SCALAR), H5Sclose, path_, what);
  } else {
    const std::vector<hsize_t> extents(dataset.shape.begin(), dataset.shape.end());
    space = own(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, path_, what);
    const auto all = static_cast<std::uint64_t>(element_count(dataset.shape)) * item_bytes;
    const std::uint64_t row = extents[0] == 0 ? 0 : all / extents[0];
    if (all > 0 && row <= kLargestChunk) {
      std::vector<hsize_t> chunk = extents;
      chunk[0] = std::clamp<hsize_t>(kChunkBytes / row, 1, extents[0]);
      require(H5Pset_chunk(created.get(), static_cast<int>(chunk.size()), chunk.data()), path_, what);
    }
  }
  dataset.handle = own(
      H5Dcreate2(file_.get(), name.c_str(), dataset.type.get(), space.get(), links.get(), created.get(), H5P_DEFAULT),
      H5Dclose, path_, what);
  datasets_.insert_or_assign(name, std::move(dataset));
}

void Hdf5Writer::create(const std::string& name, DType dtype, const Shape& shape) {
  Dataset dataset;
  dataset.type = file_type(dtype);
  dataset.dtype = dtype;
  dataset.shape = shape;
  create(name, std::move(dataset), size_of(dtype));
}

void Hdf5Writer::create_texts(const std::string& name, std::int64_t count, std::size_t width) {
  Dataset dataset;
  dataset.width = std::max<std::size_t>(width, 1);
  dataset.type = text_type(dataset.width, path_);
  dataset.shape = {count};
  const std::size_t bytes = dataset.width;
  create(name, std::move(dataset), bytes);
}

void Hdf5Writer::write(const std::string& name, Dataset& dataset, std::int64_t rows, hid_t memory, const void* data) {
  const Quiet quiet;
  const std::string what =
      fmt::format("rows {} to {} of '{}' cannot be written", dataset.written, dataset.written + rows, name);
  std::vector<hsize_t> extents(dataset.shape.begin(), dataset.shape.end());
  std::vector<hsize_t> start(extents.size(), 0);
  extents[0] = static_cast<hsize_t>(rows);
  start[0] = static_cast<hsize_t>(dataset.written);
  dataset.written += rows;
  if (rows == 0 || element_count(dataset.shape) == 0) return;
  const Handle into = own(H5Dget_space(dataset.handle.get()), H5Sclose, path_, what);
  require(H5Sselect_hyperslab(into.get(), H5S_SELECT_SET, start.data(), nullptr, extents.data(), nullptr), path_, what);
  const Handle from =
      own(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, path_, what);
  require(H5Dwrite(dataset.handle.get(), memory, from.get(), into.get(), H5P_DEFAULT, data), path_, what);
}

void Hdf5Writer::append(const std::string& name, const Array& rows) {
  Dataset& dataset = datasets_.at(name);
  const Array converted = rows.to(dataset.dtype);
  const hid_t memory = dataset.dtype == DType::b8 ? dataset.type.get() : memory_type(dataset.dtype);
  write(name, dataset, rows.shape().at(0), memory, converted.bytes().data());
}

void Hdf5Writer::append(const std::string& name, std::span<const std::string> texts) {
  Dataset& dataset = datasets_.at(name);
  std::vector<char> bytes(dataset.width * texts.size(), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::memcpy(bytes.data() + i * dataset.width, texts[i].data(), std::min(texts[i].size(), dataset.width));
  }
  write(name, dataset, static_cast<std::int64_t>(texts.size()), dataset.type.get(), bytes.data());
}

void Hdf5Writer::add_text(const std::string& name, const std::string& text) {
  Dataset dataset;
  dataset.width = std::max<std::size_t>(text.size(), 1);
  dataset.type = text_type(dataset.width, path_);
  const std::size_t bytes = dataset.width;
  create(name, std::move(dataset), bytes);
  const Quiet quiet;
  const Dataset& made = datasets_.at(name);
  std::string padded = text;
  padded.resize(bytes);
  require(H5Dwrite(made.handle.get(), made.type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()), path_,
          fmt::format("'{}' cannot be written", name));
}

void Hdf5Writer::close() {
  const Quiet quiet;
  for (auto& [name, dataset] : datasets_) {
    require(H5Dclose(dataset.handle.release()), path_, fmt::format("'{}' cannot be written", name));
  }
  datasets_.clear();
  require(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), path_, "cannot be written");
  require(H5Fclose(file_.release()), path_, "cannot be written");
}

}  // namespace mho::io
