// Invariant: pictures and one-hot DNA are recognised by their shape and values, and nothing else is.
#include "report/inputs.h"

#include <gtest/gtest.h>

namespace mho::report {
namespace {

Array counting(Shape shape) {
  Array array(DType::f32, std::move(shape));
  float value = 0;
  for (float& one : array.as<float>()) one = value++;
  return array;
}

/// [1, 4, L]; a letter that is none of ACGT has zeros.
Array dna(std::string_view text) {
  Array array(DType::f32, {1, 4, static_cast<std::int64_t>(text.size())});
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t letter = std::string_view("ACGT").find(text[i]);
    if (letter < 4) array.as<float>()[letter * text.size() + i] = 1;
  }
  return array;
}

TEST(Pictures, ChannelsComeLastWhateverTheInputsOrder) {
  const auto first = picture(counting({2, 3, 4, 5}), {1, 2});
  const auto last = picture(counting({2, 4, 5, 3}), {1, 2});
  ASSERT_TRUE(first && last);
  EXPECT_EQ(first->height, 4U);
  EXPECT_EQ(first->width, 5U);
  EXPECT_EQ(first->channels, 3U);
  EXPECT_EQ(last->channels, 3U);
  EXPECT_EQ(first->smallest, 60);
  EXPECT_EQ(first->largest, 119);
  // The second pixel: 61, 81, 101 of 60 ... 119; and 63, 64, 65.
  const auto pixel = [](const Picture& one, std::size_t i) { return std::to_integer<int>(one.pixels[i]); };
  EXPECT_EQ(pixel(*first, 3), 4);
  EXPECT_EQ(pixel(*first, 4), 91);
  EXPECT_EQ(pixel(*first, 5), 177);
  EXPECT_EQ(pixel(*last, 3), 13);
  EXPECT_TRUE(picture(counting({2, 8, 8}), {0, 2}));
}

TEST(Pictures, OtherShapesAndNumbersAreNone) {
  EXPECT_FALSE(picture(counting({2, 10}), {0, 2}));
  EXPECT_FALSE(picture(counting({2, 4, 4, 4}), {0, 2}));
  EXPECT_FALSE(picture(counting({2, 1, 1, 9}), {0, 2}));
  Array holes = counting({1, 1, 4, 4});
  holes.as<float>()[3] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(picture(holes, {0, 1}));
  EXPECT_TRUE(picture(Array(DType::f32, {1, 1, 4, 4}), {0, 1})) << "a picture of one colour is one";
}

TEST(Sequences, LettersAreRead) {
  const auto found = sequence(dna("GATNACA"), {0, 1});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->length, 7U);
  EXPECT_TRUE(found->letters_first);
  const std::vector<int> expected = {2, 0, 3, 4, 0, 1, 0};
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(std::to_integer<int>(found->letters[i]), expected[i]);
}

TEST(Sequences, NumbersThatAreNotOneHotAreNone) {
  EXPECT_FALSE(sequence(counting({1, 4, 9}), {0, 1}));
  EXPECT_FALSE(sequence(Array(DType::f32, {1, 4, 9}), {0, 1})) << "no letters at all";
  EXPECT_FALSE(sequence(dna("ACGTACGT").to(DType::f64), {0, 0}).value_or(Sequence{}).letters.size() > 0);
  EXPECT_TRUE(sequence(dna("ACGTACGT").to(DType::i64), {0, 1}));
}

}  // namespace
}  // namespace mho::report
