// read_fasta and one_hot of <mho/formats.h>.
#include <fmt/format.h>
#include <mho/error.h>
#include <mho/formats.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "io/text_file.h"

namespace mho::io {

namespace {

constexpr std::size_t kMostLine = std::size_t{1} << 28;
constexpr std::uint64_t kMostLetters = std::uint64_t{1} << 34;
constexpr std::uint8_t kUnknown = 4;
constexpr std::uint8_t kNone = 255;

constexpr std::array<std::uint8_t, 256> make_codes() {
  std::array<std::uint8_t, 256> codes{};
  for (auto& code : codes) code = kNone;
  constexpr std::string_view known = "ACGTU";
  constexpr std::string_view ambiguous = "RYSWKMBDHVNX";
  const auto set = [&](char letter, std::uint8_t code) {
    codes[static_cast<unsigned char>(letter)] = code;
    codes[static_cast<unsigned char>(letter - 'A' + 'a')] = code;
  };
  for (std::size_t i = 0; i < known.size(); ++i) set(known[i], static_cast<std::uint8_t>(std::min<std::size_t>(i, 3)));
  for (const char letter : ambiguous) set(letter, kUnknown);
  codes['-'] = codes['.'] = kUnknown;
  return codes;
}
constexpr auto kCodes = make_codes();

/// Sequences as they come in, one line after the other.
class Collector {
 public:
  Collector(const std::filesystem::path& path, std::int64_t length) : path_(path) { sequences_.length = length; }

  void begin(std::string_view header) {
    end();
    header.remove_prefix(std::min(header.find_first_not_of(" \t"), header.size()));
    sequences_.names.emplace_back(header.substr(0, header.find_first_of(" \t")));
  }

  void add(std::string_view line) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) return;
    if (sequences_.names.empty()) {
      throw Error(Code::kIo,
                  fmt::format("{}: does not begin with '>' and a name; it is no FASTA file", path_.string()));
    }
    for (const char letter : line) {
      if (letter == ' ' || letter == '\t') continue;
      const std::uint8_t code = kCodes[static_cast<unsigned char>(letter)];
      if (code == kNone) {
        const bool prints = letter > ' ' && letter < 127;
        throw Error(
            Code::kInvalidArgument,
            fmt::format("{}: sequence {} has {} at position {}, which is no nucleotide (A, C, G, T, U, IUPAC's "
                        "ambiguous letters, - or .)",
                        path_.string(), label(),
                        prints ? fmt::format("'{}'", letter)
                               : fmt::format("byte {}", static_cast<unsigned>(static_cast<unsigned char>(letter))),
                        sequences_.letters.size() - start_ + 1));
      }
      sequences_.letters.push_back(code);
    }
    if (sequences_.letters.size() > kMostLetters) {
      throw Error(Code::kLimit, fmt::format("{}: has more than {} letters; divide it", path_.string(), kMostLetters));
    }
  }

  Sequences finish() {
    end();
    if (sequences_.names.empty()) throw Error(Code::kIo, fmt::format("{}: has no sequences", path_.string()));
    return std::move(sequences_);
  }

 private:
  [[nodiscard]] std::string label() const {
    return fmt::format("{} ('{}')", sequences_.names.size(), sequences_.names.back());
  }

  void end() {
    if (sequences_.names.empty()) return;
    const auto length = static_cast<std::int64_t>(sequences_.letters.size() - start_);
    if (length == 0) {
      throw Error(Code::kInvalidArgument, fmt::format("{}: sequence {} has no letters", path_.string(), label()));
    }
    if (sequences_.length == 0) sequences_.length = length;
    if (length != sequences_.length) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("{}: sequence {} has {} letters where {} are needed; cut or fill up the sequences first",
                              path_.string(), label(), length, sequences_.length));
    }
    start_ = sequences_.letters.size();
  }

  const std::filesystem::path& path_;
  Sequences sequences_;
  std::size_t start_ = 0;
};

}  // namespace

bool is_fasta_path(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 6> kEndings = {".fa", ".fasta", ".fna", ".ffn", ".frn", ".fas"};
  return std::ranges::find(kEndings, text_extension(path)) != kEndings.end();
}

Sequences read_fasta(const std::filesystem::path& path, std::int64_t length) {
  TextFile file(path);
  Collector collector(path, length);
  for (std::string line; file.line(line, kMostLine);) {
    if (line.starts_with(';')) continue;  // a comment, in files of old
    line.starts_with('>') ? collector.begin(std::string_view(line).substr(1)) : collector.add(line);
  }
  return collector.finish();
}

Array one_hot(const Sequences& sequences, std::int64_t first, std::int64_t last, bool letters_last, double unknown) {
  const std::int64_t count = static_cast<std::int64_t>(sequences.names.size());
  const std::int64_t length = sequences.length;
  if (first < 0 || first > last || last > count || length < 0 ||
      sequences.letters.size() != static_cast<std::size_t>(element_count({count, length}))) {
    throw Error(Code::kInvalidArgument, fmt::format("sequences {} to {} of {} do not exist", first, last, count));
  }
  Array array(DType::f32, letters_last ? Shape{last - first, length, 4} : Shape{last - first, 4, length});
  const auto values = array.as<float>();
  const std::int64_t position_step = letters_last ? 4 : 1;
  const std::int64_t letter_step = letters_last ? 1 : length;
  for (std::int64_t row = first; row < last; ++row) {
    for (std::int64_t at = 0; at < length; ++at) {
      const std::uint8_t letter = sequences.letters[static_cast<std::size_t>(row * length + at)];
      const std::int64_t cell = (row - first) * 4 * length + at * position_step;
      if (letter < kUnknown) {
        values[static_cast<std::size_t>(cell + letter * letter_step)] = 1;
        continue;
      }
      for (std::int64_t i = 0; i < 4; ++i) {
        values[static_cast<std::size_t>(cell + i * letter_step)] = static_cast<float>(unknown);
      }
    }
  }
  return array;
}

}  // namespace mho::io
