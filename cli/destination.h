// Where a command writes: refused before anything is computed.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace mho::cli {

/// `path`, given to `option`, can be written: it ends in one of `endings`, its folder exists and can be written to,
/// nothing is there unless `force`, and it is none of the files in `read` (as given to -i, -b and the like). Throws
/// Error(kInvalidArgument).
void check_destination(const std::string& option, const std::filesystem::path& path,
                       const std::vector<std::string>& endings, bool force, std::span<const std::string> read);

}  // namespace mho::cli
