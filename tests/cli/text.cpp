// Invariant: a text is either understood as a whole or refused, and nothing printed can steer a terminal.
#include "text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "thrown.h"

namespace mho::cli {
namespace {

RC_GTEST_PROP(Text, IntegersSurviveARoundTrip, (std::int64_t value)) {
  RC_ASSERT(parse_integer(std::to_string(value)) == value);
}

TEST(Text, NumbersAreReadAsAWholeOrNotAtAll) {
  for (const char* bad : {"", "1 ", " 1", "1x", "x", "0x10", "9223372036854775808", "+1"}) {
    EXPECT_FALSE(parse_integer(bad)) << bad;
  }
  EXPECT_EQ(parse_real("-1.5e3"), -1500);
  for (const char* bad : {"", "nan", "inf", "1e999", "1,5", "1.5f"}) EXPECT_FALSE(parse_real(bad)) << bad;
}

TEST(Text, TuplesNeedAnIntegerInEveryPlace) {
  EXPECT_EQ(parse_integers("3,-1,2"), (std::vector<std::int64_t>{3, -1, 2}));
  for (const char* bad : {"", "3,", ",3", "3,,2", "3, 2"}) EXPECT_FALSE(parse_integers(bad)) << bad;
}

TEST(Text, SizesKnowTheirSuffixes) {
  EXPECT_EQ(parse_bytes("65536", "--memory"), 65536);
  EXPECT_EQ(parse_bytes("512M", "--memory"), std::int64_t{512} << 20);
  EXPECT_EQ(parse_bytes("2GiB", "--memory"), std::int64_t{2} << 30);
  EXPECT_EQ(parse_bytes("3KB", "--memory"), 3 << 10);
  for (const char* bad : {"", "M", "0", "0M", "-1M", "1.5G", "1T", "9223372036854775807K"}) {
    const Thrown thrown = thrown_by([&] { (void)parse_bytes(bad, "--memory"); });
    EXPECT_EQ(thrown.code, Code::kInvalidArgument) << bad;
    EXPECT_TRUE(thrown.says("--memory"));
  }
}

TEST(Text, ShapesAreWrittenWithCrossesOrCommas) {
  EXPECT_EQ(parse_extents("1x3x224x224", "--shape"), (Shape{1, 3, 224, 224}));
  EXPECT_EQ(parse_extents("1,3", "--shape"), (Shape{1, 3}));
  EXPECT_EQ(parse_extents("", "--shape"), Shape{});
  for (const char* bad : {"1x", "x3", "0x3", "-1x3", "ax3"}) {
    EXPECT_EQ(thrown_by([&] { (void)parse_extents(bad, "--shape"); }).code, Code::kInvalidArgument) << bad;
  }
}

RC_GTEST_PROP(Text, SplittingAndJoiningGivesTheSameText, (const std::string& text)) {
  std::string joined;
  for (const std::string& part : split(text, ',')) joined += (joined.empty() ? "," : ",") + part;
  RC_ASSERT(joined == "," + text);
}

RC_GTEST_PROP(Text, PrintableTextHasNoControlCharacters, (const std::string& text)) {
  for (const char c : printable(text)) {
    RC_ASSERT(static_cast<unsigned char>(c) >= 0x20);
    RC_ASSERT(c != 0x7F);
  }
}

TEST(Text, PrintableKeepsLettersOfAllLanguagesAndDropsC1Controls) {
  EXPECT_EQ(printable("größe Ω"), "größe Ω");
  EXPECT_EQ(printable("a\x1b[31mb"), "a?[31mb");
  EXPECT_EQ(printable("a\xC2\x9B"
                      "b"),
            "a?b");
  EXPECT_EQ(printable("\xC2\xA0"), "\xC2\xA0");
}

TEST(Text, ShellQuotingProtectsGlobsBlanksAndQuotes) {
  EXPECT_EQ(shell_quoted("layer3.0/relu:0"), "layer3.0/relu:0");
  EXPECT_EQ(shell_quoted("layer3*"), "'layer3*'");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
}

}  // namespace
}  // namespace mho::cli
