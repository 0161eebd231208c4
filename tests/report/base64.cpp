// Invariant: base64() agrees with the test vectors of RFC 4648, section 10.
#include "report/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace mho::report {
namespace {

TEST(Base64, AgreesWithTheVectorsOfItsStandard) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(base64(std::as_bytes(std::span(plain))), coded);
    EXPECT_EQ(base64_size(plain.size()), coded.size());
  }
}

TEST(Base64, CodesEveryByte) {
  const std::string high = "\xff\xfe\xfd";
  EXPECT_EQ(base64(std::as_bytes(std::span(high))), "//79");
}

}  // namespace
}  // namespace mho::report
