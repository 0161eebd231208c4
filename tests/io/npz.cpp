// Invariant: archives that NumPy made, stored or deflated, are read whole; archives that are cut, altered, lying about
// sizes or built to explode are refused; and what mho writes it reads back.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "io/npy_format.h"
#include "io/temporary_folder.h"

namespace mho::io {
namespace {

Code code_of_npz(const std::filesystem::path& path) {
  try {
    (void)read_npz(path);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << "the file is not named";
    return error.code();
  }
  ADD_FAILURE() << path << " was read";
  return Code::kInternal;
}

TEST(Npz, StoredArchivesOfNumpyAreRead) {
  const auto arrays = read_npz(fixture("stored.npz"));
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays.at("first").shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(arrays.at("first").at(23), 23.0);
  EXPECT_EQ(arrays.at("second").at(4), 4.0);
  EXPECT_EQ(read_npz_texts(fixture("stored.npz")).at("name"), "grüße");
}

TEST(Npz, DeflatedArchivesOfNumpyAreRead) {
  const auto arrays = read_npz(fixture("deflated.npz"));
  EXPECT_EQ(arrays.at("first").at(23), 23.0);
  EXPECT_EQ(arrays.at("second").shape(), (Shape{5000}));
}

TEST(Npz, EveryTruncationIsAnError) {
  TemporaryFolder folder;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::string whole = read_bytes(fixture(name));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      write_bytes(folder / "cut.npz", whole.substr(0, length));
      EXPECT_EQ(code_of_npz(folder / "cut.npz"), Code::kIo) << name << " cut to " << length;
    }
  }
}

TEST(Npz, EveryAlteredByteIsAnErrorOrLeavesTheValuesAlone) {
  TemporaryFolder folder;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto expected = read_npz(fixture(name));
    const std::string whole = read_bytes(fixture(name));
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char flip : {'\x01', '\x80', '\xFF'}) {
        std::string altered = whole;
        altered[at] = static_cast<char>(altered[at] ^ flip);
        write_bytes(folder / "altered.npz", altered);
        try {
          const auto arrays = read_npz(folder / "altered.npz");
          // Names and unused fields may differ, values may not.
          for (const auto& [key, array] : arrays) {
            const bool known = std::any_of(expected.begin(), expected.end(), [&](const auto& other) {
              return std::ranges::equal(array.bytes(), other.second.bytes());
            });
            EXPECT_TRUE(known) << name << " altered at " << at << " gives other values for " << key;
          }
        } catch (const Error&) {
          ++refused;
        }
      }
    }
    EXPECT_GT(refused, static_cast<int>(whole.size())) << "hardly any damage was noticed";
  }
}

std::string little(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
  return bytes;
}

std::string deflate_raw(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// An archive of deflated members "0.npy", "1.npy", … with free choice of what the directory says.
struct Forgery {
  std::string body;
  std::string directory;
  std::uint64_t members = 0;

  void add(const std::string& packed, std::uint32_t crc, std::uint64_t claimed, bool reuse_first = false) {
    const std::string name = std::to_string(members++) + ".npy";
    const std::uint64_t offset = reuse_first ? 0 : body.size();
    if (!reuse_first) {
      body += "PK\x03\x04" + little(20, 2) + little(0, 2) + little(8, 2) + little(0, 4) + little(crc, 4) +
              little(packed.size(), 4) + little(claimed, 4) + little(name.size(), 2) + little(0, 2) + name + packed;
    }
    directory += "PK\x01\x02" + little(20, 2) + little(20, 2) + little(0, 2) + little(8, 2) + little(0, 4) +
                 little(crc, 4) + little(packed.size(), 4) + little(claimed, 4) + little(name.size(), 2) +
                 little(0, 2) + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(offset, 4) + name;
  }

  [[nodiscard]] std::string bytes() const {
    return body + directory + "PK\x05\x06" + little(0, 4) + little(members, 2) + little(members, 2) +
           little(directory.size(), 4) + little(body.size(), 4) + little(0, 2);
  }
};

std::uint32_t crc_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::string zeros(std::int64_t count) {
  return npy_header("<f4", {count}) + std::string(static_cast<std::size_t>(4 * count), '\0');
}

TEST(Npz, ForgedButHonestArchivesAreRead) {
  // Guards the tests below: the forgery itself is not what is refused.
  TemporaryFolder folder;
  const std::string member = zeros(1000);
  Forgery forgery;
  forgery.add(deflate_raw(member), crc_of(member), member.size());
  write_bytes(folder / "honest.npz", forgery.bytes());
  EXPECT_EQ(read_npz(folder / "honest.npz").at("0").shape(), (Shape{1000}));
}

TEST(Npz, MembersThatUnpackToMoreOrLessThanTheySayAreRefused) {
  TemporaryFolder folder;
  const std::string member = zeros(1000);
  for (const std::uint64_t claimed :
       {member.size() + 1, member.size() - 4, member.size() * 2, std::size_t{0xFFFFFFF0}}) {
    Forgery forgery;
    forgery.add(deflate_raw(member), crc_of(member), claimed);
    write_bytes(folder / "lie.npz", forgery.bytes());
    EXPECT_EQ(code_of_npz(folder / "lie.npz"), Code::kIo) << claimed;
  }
}

TEST(Npz, ArchivesThatExplodeAreRefused) {
  TemporaryFolder folder;
  const std::string member = zeros(4 << 20);
  const std::string packed = deflate_raw(member);
  Forgery forgery;
  for (int i = 0; i < 17; ++i) forgery.add(packed, crc_of(member), member.size());
  write_bytes(folder / "bomb.npz", forgery.bytes());
  EXPECT_EQ(code_of_npz(folder / "bomb.npz"), Code::kLimit);
}

TEST(Npz, MembersThatShareTheirBytesAreRefused) {
  TemporaryFolder folder;
  const std::string member = zeros(1000);
  Forgery forgery;
  forgery.add(deflate_raw(member), crc_of(member), member.size());
  forgery.add(deflate_raw(member), crc_of(member), member.size(), true);
  write_bytes(folder / "overlap.npz", forgery.bytes());
  EXPECT_EQ(code_of_npz(folder / "overlap.npz"), Code::kIo);
}

TEST(Npz, WrongChecksumsAreRefused) {
  TemporaryFolder folder;
  const std::string member = zeros(1000);
  Forgery forgery;
  forgery.add(deflate_raw(member), crc_of(member) ^ 1, member.size());
  write_bytes(folder / "crc.npz", forgery.bytes());
  EXPECT_EQ(code_of_npz(folder / "crc.npz"), Code::kIo);
}

TEST(Npz, ArraysAndTextsAreReadBack) {
  TemporaryFolder folder;
  const std::map<std::string, Array, std::less<>> arrays = {
      {"/conv1/Conv_output_0", Array({2, 2}, std::vector<float>{1, 2, 3, 4})},
      {"größe", Array({}, std::vector<double>{-0.5})},
      {"none", Array(DType::i64, {0})}};
  const std::map<std::string, std::string> texts = {{"mho/metadata", "{\"ΔF\": 1}"}, {"empty", ""}};
  write_npz(folder / "a.npz", arrays, texts);
  const auto back = read_npz(folder / "a.npz");
  ASSERT_EQ(back.size(), arrays.size());
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(back.at(name).shape(), array.shape()) << name;
    EXPECT_TRUE(std::ranges::equal(back.at(name).bytes(), array.bytes())) << name;
  }
  EXPECT_EQ(read_npz_texts(folder / "a.npz"), texts);
}

TEST(Npz, InvalidUtf8InTextsBecomesReplacementCharacters) {
  TemporaryFolder folder;
  write_npz(folder / "a.npz", {}, {{"text", "a\xFFz\xC3"}});
  EXPECT_EQ(read_npz_texts(folder / "a.npz").at("text"), "a\uFFFDz\uFFFD");
}

}  // namespace
}  // namespace mho::io
