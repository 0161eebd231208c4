// Invariant: a Shape does what a std::vector does, with few axes and with many, and its copies share nothing.
#include <gtest/gtest.h>
#include <mho/shape.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

namespace mho {
namespace {

using Plain = std::vector<std::int64_t>;

TEST(Shape, DoesWhatAVectorDoes) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  Shape shape;
  Plain plain;
  std::size_t most = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto value = static_cast<std::int64_t>(pick(99));
    const std::size_t at = pick(plain.size()), until = at + pick(plain.size() - at);
    const auto here = [&](auto& extents, std::size_t axis) {
      return extents.begin() + static_cast<std::ptrdiff_t>(axis);
    };
    switch (pick(9)) {
      case 0:
        shape.push_back(value);
        plain.push_back(value);
        break;
      case 1:
        if (!plain.empty()) shape.pop_back(), plain.pop_back();
        break;
      case 2:
        EXPECT_EQ(*shape.insert(here(shape, at), value), value);
        plain.insert(here(plain, at), value);
        break;
      case 3: {
        const Plain more(pick(4), value);
        EXPECT_EQ(shape.insert(here(shape, at), more.begin(), more.end()) - shape.begin(),
                  static_cast<std::ptrdiff_t>(at));
        plain.insert(here(plain, at), more.begin(), more.end());
        break;
      }
      case 4:
        shape.insert(here(shape, at), std::size_t{2}, value);
        plain.insert(here(plain, at), 2, value);
        break;
      case 5:
      case 6:
        EXPECT_EQ(shape.erase(here(shape, at), here(shape, until)) - shape.begin(), static_cast<std::ptrdiff_t>(at));
        plain.erase(here(plain, at), here(plain, until));
        break;
      case 7: {
        const std::size_t count = pick(12);
        shape.resize(count, value);
        plain.resize(count, value);
        break;
      }
      case 8: {
        Shape moved = std::move(shape);
        shape = Shape(moved);
        moved.assign(3, value);
        break;
      }
      default:
        if (!plain.empty()) shape[at % plain.size()] = plain[at % plain.size()] = value;
    }
    most = std::max(most, plain.size());
    ASSERT_EQ(Plain(shape), plain) << "step " << step;
    ASSERT_EQ(shape, Shape(plain));
    ASSERT_EQ(shape.size(), plain.size());
    ASSERT_EQ(shape.empty(), plain.empty());
    ASSERT_EQ(plain.empty() ? 0 : shape.back(), plain.empty() ? 0 : plain.back());
  }
  EXPECT_GT(most, Shape::kInside + 2);
}

TEST(Shape, IsEmptyAfterItWasMovedFromOrAsBefore) {
  for (const std::size_t axes : {std::size_t{3}, Shape::kInside, Shape::kInside + 1}) {
    Shape from(axes, 5);
    const Shape to = std::move(from);
    EXPECT_EQ(to, Shape(axes, 5));
    from.push_back(1);  // NOLINT: may be used again
    EXPECT_EQ(from.back(), 1);
  }
}

TEST(Shape, OrdersAsAVectorDoesAndChecksItsAxes) {
  EXPECT_LT(Shape({2, 3}), Shape({2, 3, 0}));
  EXPECT_LT(Shape({1, 9, 9}), Shape({2}));
  EXPECT_NE(Shape({1}), Shape({1, 1}));
  EXPECT_EQ(Shape({4, 5}).at(1), 5);
  EXPECT_THROW(static_cast<void>(Shape({4, 5}).at(2)), std::out_of_range);
}

}  // namespace
}  // namespace mho
