// How far two arrays are apart.
#pragma once

#include <gtest/gtest.h>
#include <mho/array.h>

#include <cmath>

namespace mho::testing {

/// Of equal shapes: the L1 norm of a - b relative to that of a; absolute where a is 0.
inline double relative_difference(const Array& a, const Array& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double norm = 0;
  double difference = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    norm += std::abs(a.at(i));
    difference += std::abs(a.at(i) - b.at(i));
  }
  return norm > 0 ? difference / norm : difference;
}

}  // namespace mho::testing
