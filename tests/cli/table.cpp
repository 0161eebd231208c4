// Invariant: the cells of a column begin (or, for numbers, end) at the same place on the terminal.
#include "table.h"

#include <gtest/gtest.h>

#include <limits>

namespace mho::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCellAndLinesEndWithoutBlanks) {
  Table table({{"name"}, {"n", true}, {"note"}});
  table.add({"a", "12345", "x"});
  table.add({"longer", "1"});
  EXPECT_EQ(table.text(),
            "name        n  note\n"
            "a       12345  x\n"
            "longer      1\n");
}

TEST(Table, WidthsCountCharactersNotBytes) {
  EXPECT_EQ(display_width("größe"), 5U);
  Table table({{"a"}, {"b"}}, "  ");
  table.add({"größe", "1"});
  table.add({"abcde", "2"});
  EXPECT_EQ(table.text(), "  a      b\n  größe  1\n  abcde  2\n");
}

TEST(Table, MarkdownEscapesItsSeparator) {
  Table table({{"a"}, {"b", true}});
  table.add({"x|y", "1"});
  EXPECT_EQ(table.markdown(), "| a | b |\n|---|---:|\n| x\\|y | 1 |\n");
}

TEST(Table, NumbersThatAreNoneAreADash) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(number_text(nan), "-");
  EXPECT_EQ(error_text(nan), "-");
  EXPECT_EQ(number_text(-1234.5678), "-1235");
  EXPECT_EQ(error_text(0.00123), "1.2e-03");
}

}  // namespace
}  // namespace mho::cli
