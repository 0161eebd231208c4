// Files that are no arrays yet: sequences, tables and token ids. All of them may be gzipped (`.gz`).
#pragma once

#include <mho/array.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mho::io {

/// The file's extension in lower case, of `x.fa.gz` that before `.gz`.
[[nodiscard]] std::string text_extension(const std::filesystem::path& path);

/// Sequences of one length: A, C, G and T (or U) as 0 to 3, every other letter as 4.
struct Sequences {
  std::vector<std::string> names;  ///< what stands behind `>`, up to the first blank
  std::int64_t length = 0;
  std::vector<std::uint8_t> letters;  ///< names.size() * length
};
/// `.fa`, `.fasta`, `.fna`, `.ffn`, `.frn`, `.fas`.
[[nodiscard]] bool is_fasta_path(const std::filesystem::path& path);
/// Letters of either case; IUPAC's ambiguous ones and gaps (`-`, `.`) are 4. `length` 0: that of the first sequence.
/// Throws Error(kInvalidArgument, kIo, kLimit) naming the sequence.
[[nodiscard]] Sequences read_fasta(const std::filesystem::path& path, std::int64_t length = 0);
/// Sequences first to last (excluded) as float32 [N, 4, L], or [N, L, 4] with `letters_last`. A position without one of
/// the four letters holds `unknown` in all of them.
[[nodiscard]] Array one_hot(const Sequences& sequences, std::int64_t first, std::int64_t last, bool letters_last,
                            double unknown = 0);

/// Numbers in rows and columns.
struct Table {
  std::vector<std::string> columns;  ///< the header's names, or "0", "1", … where there is none
  Array values;                      ///< [rows, columns], float64
};
/// `.csv`, `.tsv`, `.tab`.
[[nodiscard]] bool is_table_path(const std::filesystem::path& path);
/// Comma, semicolon or tab separated (RFC 4180: quotes double inside quotes). The first record is a header where one of
/// its cells is no number. `columns` chooses and orders them by name; empty: all. Only chosen cells must be numbers.
/// Throws Error(kInvalidArgument, kNotFound, kIo, kLimit) naming row and column.
[[nodiscard]] Table read_table(const std::filesystem::path& path, std::span<const std::string> columns = {});

/// Lists of numbers of different lengths, in the order of the file.
struct Lists {
  std::vector<std::size_t> ends;  ///< of every list in `values`
  std::vector<double> values;
  bool whole = true;  ///< every number is an integer
};
/// JSON: lists of numbers, or one object whose members are such lists, as tokenizers write them
/// (`{"input_ids": [[…], …], …}`). Without an object the name is "". One flat list is one example.
/// Throws Error(kInvalidArgument, kIo, kLimit).
[[nodiscard]] std::map<std::string, Lists, std::less<>> read_json_lists(const std::filesystem::path& path);
/// [lists, length]: int64, or float64 where a number is not whole. `length` 0: that of the longest. Shorter lists are
/// filled up with `pad`; without one, and for longer lists, Error(kInvalidArgument) names the list and `what`.
[[nodiscard]] Array to_array(const Lists& lists, std::int64_t length, std::optional<double> pad,
                             const std::string& what);

}  // namespace mho::io
