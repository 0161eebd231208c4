// open_hdf5_rows and list_hdf5 of <mho/rows.h>: the files are untrusted.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/formats.h>
#include <mho/rows.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "io/hdf5.h"

namespace mho::io {

namespace {

using namespace hdf5;

constexpr std::size_t kMostDatasets = 10'000;
constexpr std::uint64_t kMostChunkBytes = std::uint64_t{1} << 30;
// Reads above this size must be backed by stored data: deflate reaches 1030 : 1.
constexpr std::uint64_t kUnbackedBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kMostRatio = 1100;
constexpr std::size_t kCacheBytes = std::size_t{32} << 20;

/// How elements of a data set come into memory.
struct Element {
  DType dtype = DType::f32;
  hid_t memory = H5I_INVALID_HID;  ///< predefined, never closed
  bool is_unsigned64 = false;
  bool is_enum = false;  ///< read as it is in the file, one byte each
};

std::optional<Element> element_of(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      if (size == 0 || size > 8) return std::nullopt;
      return size <= 4 ? Element{DType::f32, H5T_NATIVE_FLOAT} : Element{DType::f64, H5T_NATIVE_DOUBLE};
    case H5T_INTEGER: {
      if (size == 0 || size > 8) return std::nullopt;
      const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
      if (size <= 2 || (is_signed && size <= 4)) return Element{DType::i32, H5T_NATIVE_INT32};
      if (is_signed || size <= 4) return Element{DType::i64, H5T_NATIVE_INT64};
      return Element{DType::i64, H5T_NATIVE_UINT64, true};
    }
    case H5T_ENUM:  // as h5py writes NumPy's bool
      if (size != 1 || H5Tget_nmembers(type) != 2) return std::nullopt;
      return Element{DType::b8, H5I_INVALID_HID, false, true};
    case H5T_BITFIELD:  // as PyTables does
      if (size != 1) return std::nullopt;
      return Element{DType::b8, H5T_NATIVE_B8};
    default:
      return std::nullopt;
  }
}

std::optional<Shape> shape_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  if (space.get() < 0) return std::nullopt;
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  if (kind == H5S_SCALAR) return Shape{};
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (kind != H5S_SIMPLE || rank < 1 || rank > H5S_MAX_RANK) return std::nullopt;
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  if (H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) < 0) return std::nullopt;
  Shape shape;
  for (const hsize_t extent : extents) {
    if (extent > static_cast<hsize_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    shape.push_back(static_cast<std::int64_t>(extent));
  }
  return shape;
}

herr_t refuse_link(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) { return -1; }

/// A data set of numbers whose data lies in this file.
Handle open_dataset(hid_t file, const std::filesystem::path& path, const std::string& name) {
  const Handle access = own(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, path, "cannot be read");
  require(H5Pset_elink_cb(access.get(), refuse_link, nullptr), path, "cannot be read");
  require(H5Pset_chunk_cache(access.get(), 12421, kCacheBytes, 0.75), path, "cannot be read");
  Handle dataset(H5Dopen2(file, name.c_str(), access.get()), H5Dclose);
  if (dataset.get() < 0) {
    const std::string why = last_error();
    std::vector<std::string> there;
    for (const ArrayEntry& entry : list_hdf5(path)) there.push_back(entry.name);
    throw Error(Code::kNotFound,
                fmt::format("{}: there is no data set '{}' in this file ({}); it has: {}", path.string(), name, why,
                            there.empty() ? "none" : fmt::format("{}", fmt::join(there, ", "))));
  }
  const Handle created = own(H5Dget_create_plist(dataset.get()), H5Pclose, path, "cannot be read");
  const H5D_layout_t layout = H5Pget_layout(created.get());
  if (layout == H5D_VIRTUAL || layout == H5D_LAYOUT_ERROR || H5Pget_external_count(created.get()) != 0) {
    throw Error(Code::kUnsupported,
                fmt::format("{}: the data of '{}' lies in other files, which are not followed; copy it into one file "
                            "(h5repack)",
                            path.string(), name));
  }
  if (layout == H5D_CHUNKED) {
    std::vector<hsize_t> extents(H5S_MAX_RANK);
    const int rank = H5Pget_chunk(created.get(), H5S_MAX_RANK, extents.data());
    const Handle type = own(H5Dget_type(dataset.get()), H5Tclose, path, "cannot be read");
    std::uint64_t bytes = std::max<std::uint64_t>(H5Tget_size(type.get()), 1);
    for (int i = 0; i < rank; ++i) {
      const std::uint64_t extent = std::max<hsize_t>(extents[static_cast<std::size_t>(i)], 1);
      if (bytes > kMostChunkBytes / extent) {
        throw Error(Code::kLimit, fmt::format("{}: '{}' has chunks of more than {} bytes; repack it with smaller ones",
                                              path.string(), name, kMostChunkBytes));
      }
      bytes *= extent;
    }
  }
  return dataset;
}

class Hdf5Rows final : public Rows {
 public:
  Hdf5Rows(const std::filesystem::path& path, std::string name)
      : path_(path), name_(std::move(name)), file_(open_file(path)), dataset_(open_dataset(file_.get(), path, name_)) {
    type_ = own(H5Dget_type(dataset_.get()), H5Tclose, path_, "cannot be read");
    const auto element = element_of(type_.get());
    const auto shape = shape_of(dataset_.get());
    if (!element || !shape) {
      throw Error(Code::kUnsupported, fmt::format("{}: '{}' is no array of integers, floats (to 64 bits) or booleans",
                                                  path.string(), name_));
    }
    element_ = *element;
    shape_ = *shape;
    static_cast<void>(element_count(shape_));
  }

  [[nodiscard]] DType dtype() const override { return element_.dtype; }
  [[nodiscard]] const Shape& shape() const override { return shape_; }

  [[nodiscard]] Array read(std::int64_t first, std::int64_t last) const override {
    const Quiet quiet;
    const std::int64_t rows = shape_.empty() ? 1 : shape_[0];
    if (first < 0 || first > last || last > rows) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("{}: '{}' has no rows {} to {} of {}", path_.string(), name_, first, last, rows));
    }
    Shape shape = shape_;
    if (!shape.empty()) shape[0] = last - first;
    const auto count = static_cast<std::uint64_t>(element_count(shape));
    const std::uint64_t item = size_of(element_.dtype);
    if (count > kUnbackedBytes / item && count / kMostRatio > H5Dget_storage_size(dataset_.get()) / item) {
      throw Error(Code::kLimit, fmt::format("{}: '{}' claims {} values, but the file holds only {} bytes of them",
                                            path_.string(), name_, count, H5Dget_storage_size(dataset_.get())));
    }
    Array array(element_.dtype, shape);
    if (count == 0) return array;
    const Handle from = own(H5Dget_space(dataset_.get()), H5Sclose, path_, "cannot be read");
    Handle into;
    if (shape.empty()) {
      into = own(H5Screate(H5S_SCALAR), H5Sclose, path_, "cannot be read");
    } else {
      std::vector<hsize_t> start(shape.size(), 0);
      std::vector<hsize_t> extents(shape.begin(), shape.end());
      start[0] = static_cast<hsize_t>(first);
      require(H5Sselect_hyperslab(from.get(), H5S_SELECT_SET, start.data(), nullptr, extents.data(), nullptr), path_,
              "cannot be read");
      into = own(H5Screate_simple(static_cast<int>(shape.size()), extents.data(), nullptr), H5Sclose, path_,
                 "cannot be read");
    }
    const hid_t memory = element_.is_enum ? type_.get() : element_.memory;
    require(H5Dread(dataset_.get(), memory, into.get(), from.get(), H5P_DEFAULT, array.bytes().data()), path_,
            fmt::format("rows {} to {} of '{}' cannot be read", first, last, name_));
    if (element_.dtype == DType::b8) {
      for (std::byte& value : array.bytes()) value = value == std::byte{0} ? value : std::byte{1};
    }
    if (element_.is_unsigned64 && std::ranges::any_of(array.as<std::int64_t>(), [](auto v) { return v < 0; })) {
      throw Error(Code::kLimit, fmt::format("{}: '{}' has a uint64 value too large for int64", path_.string(), name_));
    }
    return array;
  }

 private:
  std::filesystem::path path_;
  std::string name_;
  Handle file_;
  Handle dataset_;
  Handle type_;
  Element element_;
  Shape shape_;
};

struct Visit {
  std::vector<ArrayEntry> entries;
  bool too_many = false;
};

herr_t visit(hid_t file, const char* name, const H5O_info_t* info, void* data) noexcept {
  auto& found = *static_cast<Visit*>(data);
  if (info->type != H5O_TYPE_DATASET) return 0;
  if (found.entries.size() == kMostDatasets) {
    found.too_many = true;
    return 1;
  }
  try {
    const Handle dataset(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose);
    if (dataset.get() < 0) return 0;
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    const auto element = type.get() < 0 ? std::nullopt : element_of(type.get());
    const auto shape = shape_of(dataset.get());
    if (element && shape) found.entries.push_back({name, element->dtype, *shape});
  } catch (...) {  // no exception may cross the C library
    return -1;
  }
  return 0;
}

}  // namespace

bool is_hdf5_path(const std::filesystem::path& path) {
  const std::string extension = text_extension(path);
  return path.extension() != ".gz" &&
         (extension == ".h5" || extension == ".hdf5" || extension == ".hdf" || extension == ".he5");
}

std::vector<ArrayEntry> list_hdf5(const std::filesystem::path& path) {
  const Quiet quiet;
  const Handle file = open_file(path);
  Visit found;
  if (H5Ovisit(file.get(), H5_INDEX_NAME, H5_ITER_INC, visit, &found) < 0) fail(path, "its contents cannot be listed");
  if (found.too_many) {
    throw Error(Code::kLimit, fmt::format("{}: has more than {} data sets; name one: {}:/NAME", path.string(),
                                          kMostDatasets, path.string()));
  }
  return std::move(found.entries);
}

std::unique_ptr<Rows> open_hdf5_rows(const std::filesystem::path& path, const std::string& dataset) {
  const Quiet quiet;
  return std::make_unique<Hdf5Rows>(path, dataset);
}

}  // namespace mho::io
