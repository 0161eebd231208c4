// The upper envelope of straight lines.
#include "primitives/kinks.h"

namespace mho::primitives {

// The maximum of lines is convex, so slopes only grow along it: from the present winner the next one is the line that
// crosses it first among those that are steeper. Every step takes a steeper line, so there are fewer steps than lines.
void add_envelope_kinks(std::span<const Ray> rays, std::vector<double>& at) {
  if (rays.empty()) return;
  const auto slope = [](const Ray& ray) { return ray.to - ray.from; };
  const Ray* winner = &rays.front();
  for (const Ray& ray : rays) {
    if (ray.from > winner->from || (ray.from == winner->from && slope(ray) > slope(*winner))) winner = &ray;
  }
  while (true) {
    const Ray* next = nullptr;
    double first = 1;
    for (const Ray& ray : rays) {
      // Only a line that is above at the end crosses the winner at all.
      if (!(ray.to > winner->to) || !(slope(ray) > slope(*winner))) continue;
      const double t = (winner->from - ray.from) / (slope(ray) - slope(*winner));
      if (!(t < first) && !(t == first && next != nullptr && slope(ray) > slope(*next))) continue;
      first = t;
      next = &ray;
    }
    if (next == nullptr) return;
    if (first > 0) at.push_back(first);
    winner = next;
  }
}

}  // namespace mho::primitives
