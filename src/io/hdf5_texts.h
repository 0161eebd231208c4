// Texts in HDF5 files, as Hdf5Writer stores them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mho::io {

/// A data set of texts of fixed length, scalar or one-dimensional; nullopt where there is none of that name.
/// Throws Error(kIo, kLimit, kUnsupported).
[[nodiscard]] std::optional<std::vector<std::string>> read_hdf5_texts(const std::filesystem::path& path,
                                                                      const std::string& dataset);

}  // namespace mho::io
