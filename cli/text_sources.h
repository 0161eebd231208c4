// Sequences, tables, token lists and pictures as sources of examples in the shape that an input declares.
#pragma once

#include <mho/model.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sources.h"

namespace mho::cli {

/// FASTA as one-hot: [N, 4, L], or [N, L, 4] where the input says so; axes of extent 1 are put in as it declares them.
/// Throws Error(kInvalidArgument) for an input that can be neither.
[[nodiscard]] Source fasta_source(const std::filesystem::path& file, const Port& port,
                                  const PictureArguments& decoding);
/// A table's `columns` (comma-separated; all where empty): one row per example, in the input's shape.
[[nodiscard]] Source table_source(const std::filesystem::path& file, const std::string& columns, const Port& port);
/// JSON lists, by input. A list that bears no name is for `input`, the first where that is empty.
[[nodiscard]] std::map<std::string, Source> json_sources(const FileReference& reference, const std::string& input,
                                                         std::span<const Port> ports, const PictureArguments& decoding);
/// Pictures, decoded when they are read.
[[nodiscard]] Source picture_source(std::vector<std::filesystem::path> files, const Port& port,
                                    const PictureArguments& decoding);
/// The pictures of a folder and of the folders in it, sorted by name. Throws Error(kInvalidArgument, kIo, kLimit).
[[nodiscard]] std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

}  // namespace mho::cli
