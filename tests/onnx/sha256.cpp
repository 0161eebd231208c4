// Invariant: the hash of a model is the SHA-256 of FIPS 180-4, so that anyone can check it with sha256sum.
#include "onnx/sha256.h"

#include <gtest/gtest.h>

namespace mho::onnx {
namespace {

std::string hash(const std::string& text) { return sha256(std::as_bytes(std::span(text))); }

// Vectors of the NIST: https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values
TEST(Sha256, AgreesWithPublishedVectors) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace mho::onnx
