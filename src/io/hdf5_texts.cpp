// Texts in HDF5 files, as Hdf5Writer stores them.
#include "io/hdf5_texts.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/hdf5.h"

namespace mho::io {

using namespace hdf5;

namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 32;

}  // namespace

std::optional<std::vector<std::string>> read_hdf5_texts(const std::filesystem::path& path, const std::string& dataset) {
  const Quiet quiet;
  const std::string what = fmt::format("'{}' cannot be read", dataset);
  const Handle file = open_file(path);
  const Handle set(H5Dopen2(file.get(), dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (set.get() < 0) return std::nullopt;
  const Handle type = own(H5Dget_type(set.get()), H5Tclose, path, what);
  const Handle space = own(H5Dget_space(set.get()), H5Sclose, path, what);
  const Handle created = own(H5Dget_create_plist(set.get()), H5Pclose, path, what);
  const H5D_layout_t layout = H5Pget_layout(created.get());
  const bool is_outside =
      layout == H5D_VIRTUAL || layout == H5D_LAYOUT_ERROR || H5Pget_external_count(created.get()) != 0;
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 || is_outside ||
      H5Sget_simple_extent_ndims(space.get()) > 1) {
    throw Error(Code::kUnsupported, fmt::format("{}: '{}' holds no texts of fixed length", path.string(), dataset));
  }
  const std::uint64_t width = H5Tget_size(type.get());
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (width == 0 || count < 0 || static_cast<std::uint64_t>(count) > kMostBytes / width ||
      width * static_cast<std::uint64_t>(count) / 1100 > H5Dget_storage_size(set.get())) {
    throw Error(Code::kLimit, fmt::format("{}: '{}' claims {} texts of {} bytes, which the file does not hold",
                                          path.string(), dataset, count, width));
  }
  std::string bytes(width * static_cast<std::uint64_t>(count), '\0');
  require(H5Dread(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), path, what);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::string text = bytes.substr(i * width, width);
    text.resize(std::min(text.find('\0'), text.size()));
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace mho::io
