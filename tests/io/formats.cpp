// Invariant: sequences, tables and lists give the numbers that stand in the file, or an error that says where it is
// wrong.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/formats.h>

#include <functional>
#include <optional>

#include "io/temporary_folder.h"

namespace mho::io {
namespace {

using Texts = std::vector<std::string>;

struct Refusal {
  std::optional<Code> code;
  std::string text;
  [[nodiscard]] bool says(const std::string& part) const { return text.find(part) != std::string::npos; }
};

Refusal refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

std::vector<double> values(const Array& array) {
  const Array wide = array.to(DType::f64);
  return {wide.as<double>().begin(), wide.as<double>().end()};
}

class Formats : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& bytes) {
    write_bytes(folder_ / name, bytes);
    return folder_ / name;
  }
  TemporaryFolder folder_;
};

TEST_F(Formats, SequencesOfEitherCaseBecomeOneHotRows) {
  const Sequences two = read_fasta(file("x.fa", ">s1 one\r\nACgt\r\n\r\nu\r\n>s2\nNA-cR\n"));
  EXPECT_EQ(two.names, (Texts{"s1", "s2"}));
  EXPECT_EQ(two.length, 5);
  const Array first = one_hot(two, 0, 1, false);
  EXPECT_EQ(first.shape(), (Shape{1, 4, 5}));
  EXPECT_EQ(values(first), (std::vector<double>{1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1}));
  const Array last = one_hot(two, 1, 2, true, 0.25);
  EXPECT_EQ(last.shape(), (Shape{1, 5, 4}));
  EXPECT_EQ(values(last),
            (std::vector<double>{.25, .25, .25, .25, 1, 0, 0, 0, .25, .25, .25, .25, 0, 1, 0, 0, .25, .25, .25, .25}));
}

TEST_F(Formats, GzippedSequencesAreUnpackedAndCutOnesRefused) {
  const Sequences two = read_fasta(fixture("two.fa.gz"));
  EXPECT_EQ(two.names, (Texts{"a", "b"}));
  EXPECT_EQ(two.letters, (std::vector<std::uint8_t>{0, 1, 2, 3, 0, 1, 4, 4, 4, 4, 3, 3}));
  EXPECT_EQ(refusal([] { (void)read_fasta(fixture("cut.fa.gz")); }).code, Code::kIo);
}

TEST_F(Formats, SequencesThatDoNotFitAreNamed) {
  const Refusal shorter = refusal([&] { (void)read_fasta(file("x.fa", ">a\nACGT\n>peak7\nACG\n")); });
  EXPECT_EQ(shorter.code, Code::kInvalidArgument);
  EXPECT_TRUE(shorter.says("'peak7'") && shorter.says("3 letters") && shorter.says("4")) << shorter.text;
  EXPECT_TRUE(refusal([&] { (void)read_fasta(file("x.fa", ">a\nACGT\n"), 6); }).says("'a'"));
  const Refusal protein = refusal([&] { (void)read_fasta(file("x.fa", ">a\nACLE\n")); });
  EXPECT_TRUE(protein.says("'L'") && protein.says("position 3")) << protein.text;
  EXPECT_TRUE(refusal([&] { (void)read_fasta(file("x.fa", ">a\nAC\x01\n")); }).says("byte 1"));
  EXPECT_TRUE(refusal([&] { (void)read_fasta(file("x.fa", ">a\n>b\nA\n")); }).says("no letters"));
  for (const char* none : {"", "ACGT\n", "\n\n"}) {
    EXPECT_EQ(refusal([&] { (void)read_fasta(file("x.fa", none)); }).code, Code::kIo) << none;
  }
  EXPECT_EQ(refusal([] { (void)read_fasta("/nowhere/x.fa"); }).code, Code::kIo);
}

TEST_F(Formats, TablesHaveHeadersWhereACellIsNoNumber) {
  const Table headed = read_table(file("x.csv",
                                       "\xEF\xBB\xBF"
                                       "age,\"in,come\"\r\n1, 2.5\r\n\"-3e2\",+4\r\n"));
  EXPECT_EQ(headed.columns, (Texts{"age", "in,come"}));
  EXPECT_EQ(headed.values.shape(), (Shape{2, 2}));
  EXPECT_EQ(values(headed.values), (std::vector<double>{1, 2.5, -300, 4}));
  const Table bare = read_table(file("x.tsv", "1\t2\n3\t4"));
  EXPECT_EQ(bare.columns, (Texts{"0", "1"}));
  EXPECT_EQ(values(bare.values), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(values(read_table(file("x.csv", "1;2\n3;4\n\n")).values), (std::vector<double>{1, 2, 3, 4}));
}

TEST_F(Formats, ColumnsAreChosenByNameAndOthersMayHoldTexts) {
  const auto path = file("x.csv", "id,a,b\n\"x \"\"y\"\"\nz\",1,2\nw,3,4\n");
  const Texts columns = {"b", "a"};
  EXPECT_EQ(values(read_table(path, columns).values), (std::vector<double>{2, 1, 4, 3}));
  const Refusal text = refusal([&] { (void)read_table(path); });
  EXPECT_TRUE(text.says("row 1 (line 2), column 1 ('id')")) << text.text;
  const Texts unknown = {"c"};
  const Refusal missing = refusal([&] { (void)read_table(path, unknown); });
  EXPECT_EQ(missing.code, Code::kNotFound);
  EXPECT_TRUE(missing.says("id, a, b")) << missing.text;
}

TEST_F(Formats, WrongCellsAreNamedByRowAndColumn) {
  const auto refused = [&](const std::string& text) { return refusal([&] { (void)read_table(file("x.csv", text)); }); };
  EXPECT_TRUE(refused("a,b\n1,2\n3,four\n").says("row 2 (line 3), column 2 ('b'): 'four'"));
  EXPECT_TRUE(refused("a,b\n1,2\n3,\n").says("column 2 ('b'): ''"));
  EXPECT_TRUE(refused("a,b\n1,nan\n").says("row 1"));
  EXPECT_TRUE(refused("a,b\n1,1e999\n").says("row 1"));
  EXPECT_TRUE(refused("a,b\n1,2\n3\n").says("row 2 (line 3) has 1 cells"));
  EXPECT_TRUE(refused("a,b\n\"1,2\n").says("not closed"));
  EXPECT_TRUE(refused("a,b\n\"1\"2,3\n").says("closing quote"));
  EXPECT_EQ(refused("").code, Code::kIo);
  EXPECT_EQ(refused("a,b\n").code, Code::kIo);
}

TEST_F(Formats, ListsOfTokensBecomeIntegers) {
  const auto lists = read_json_lists(file("x.json", "{\"input_ids\": [[1, 2, 3], [4]], \"mask\": [[1, 1, 1], [1]]}"));
  ASSERT_EQ(lists.size(), 2U);
  const Array ids = to_array(lists.at("input_ids"), 0, 9, "ids");
  EXPECT_EQ(ids.dtype(), DType::i64);
  EXPECT_EQ(ids.shape(), (Shape{2, 3}));
  EXPECT_EQ(values(ids), (std::vector<double>{1, 2, 3, 4, 9, 9}));
  EXPECT_EQ(to_array(lists.at("mask"), 4, 0, "mask").shape(), (Shape{2, 4}));
  const Refusal ragged = refusal([&] { (void)to_array(lists.at("input_ids"), 0, {}, "ids"); });
  EXPECT_TRUE(ragged.says("list 1 has 1 numbers where 3") && ragged.says("--pad")) << ragged.text;
  EXPECT_TRUE(refusal([&] { (void)to_array(lists.at("input_ids"), 2, 0, "ids"); }).says("list 0 has 3"));
  EXPECT_EQ(to_array(read_json_lists(file("x.json", "[5, 6]")).at(""), 0, {}, "x").shape(), (Shape{1, 2}));
  EXPECT_EQ(to_array(read_json_lists(file("x.json", "[[0.5, 6]]")).at(""), 0, {}, "x").dtype(), DType::f64);
}

TEST_F(Formats, OtherJsonIsRefused) {
  for (const char* bad :
       {"", "{", "[", "3", "[]", "{}", "[\"a\"]", "[null]", "[true]", "[[[1]]]", "[1, [2]]", "[[1], 2]", "{\"a\": 3}",
        "{\"a\": {\"b\": [1]}}", "[{\"a\": [1]}]", "{\"a\": [1], \"a\": [2]}", "{\"a\": []}", "[1e999]", "[[1]] x"}) {
    EXPECT_TRUE(refusal([&] { (void)read_json_lists(file("x.json", bad)); }).code.has_value()) << bad;
  }
  const std::string deep(1'000'000, '[');
  EXPECT_TRUE(refusal([&] { (void)read_json_lists(file("x.json", deep)); }).code.has_value());
}

TEST_F(Formats, ExtensionsAreThoseBeforeGz) {
  EXPECT_EQ(text_extension("a/b.FA.gz"), ".fa");
  EXPECT_TRUE(is_fasta_path("x.fasta.gz") && is_table_path("x.TSV") && !is_table_path("x.gz"));
}

}  // namespace
}  // namespace mho::io
