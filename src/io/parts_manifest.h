// What a folder of parts says about its run, and in what two runs differ.
#pragma once

#include <mho/parts.h>

#include <filesystem>
#include <string>

namespace mho::io {

/// Throws Error(kIo) where the file cannot be read or is no manifest.
[[nodiscard]] RunPlan read_manifest(const std::filesystem::path& path);
/// Whole or not at all. Throws Error(kIo).
void write_manifest(const std::filesystem::path& path, const RunPlan& plan);
/// What differs between two runs, for people; "" where they are the same.
[[nodiscard]] std::string difference(const RunPlan& before, const RunPlan& now);
/// The chunks of `plan` in `parts` (ascending), their examples, and the commands that compute them, for people.
[[nodiscard]] std::string to_be_computed(const RunPlan& plan, const std::vector<std::int64_t>& parts);

}  // namespace mho::io
