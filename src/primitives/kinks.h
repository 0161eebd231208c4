// Where functions of straight lines change their piece: crossings of a level, and the upper envelope of several lines.
#pragma once

#include <span>
#include <vector>

namespace mho::primitives {

/// Appends the t in (0, 1) at which a value that goes straight from `a` to `b` crosses zero. A value that only begins
/// or ends at zero does not cross it.
inline void add_crossing(double a, double b, std::vector<double>& at) {
  if ((a < 0 && b > 0) || (a > 0 && b < 0)) at.push_back(a / (a - b));
}

/// A value that goes straight from `from` to `to` while t goes from 0 to 1.
struct Ray {
  double from = 0;
  double to = 0;
};

/// Appends every t in (0, 1) at which another one of `rays` becomes the largest.
void add_envelope_kinks(std::span<const Ray> rays, std::vector<double>& at);

}  // namespace mho::primitives
