// HDF5's handles, errors, and opening of files.
#include "io/hdf5.h"

#include <fmt/format.h>

#include "io/files.h"

namespace mho::io::hdf5 {

Quiet::Quiet() {
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Quiet::~Quiet() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

std::string last_error() {
  struct Found {
    std::string text;
    int code = 0;
  } found;
  const auto keep = [](unsigned, const H5E_error2_t* entry, void* data) noexcept -> herr_t {
    auto& into = *static_cast<Found*>(data);
    if (into.text.empty() && entry->desc != nullptr) into.text = entry->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep, &found);
  H5Eclear2(H5E_DEFAULT);
  return found.text.empty() ? "no reason is given" : found.text;
}

void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(Code::kIo, fmt::format("{}: {}: {}", path.string(), what, last_error()));
}

Handle open_file(const std::filesystem::path& path) {
  static_cast<void>(InputFile(path));  // the reason in the system's own words, where there is one
  return own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path, "is no HDF5 file that can be read");
}

}  // namespace mho::io::hdf5
