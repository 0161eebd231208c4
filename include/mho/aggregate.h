// Attributions of a data set: means over its examples, added up batch by batch.
#pragma once

#include <mho/attribution.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mho {

struct LayerMeans {
  std::string name;
  std::string node;
  std::string op;
  Array mean;            ///< [layer shape...], float64: mean of the values over the examples
  Array mean_magnitude;  ///< mean of their magnitudes
};

struct ExampleMeans {
  std::int64_t examples = 0;
  std::vector<LayerMeans> layers;
};

struct DatasetMeans {
  ExampleMeans all;
  std::map<std::int64_t, ExampleMeans> classes;  ///< by Result::target; empty unless asked for
};

/// Adds up results in float64: memory is that of the layers (times classes), however many examples there are.
class Aggregate {
 public:
  /// With `per_class`, also over the examples of every target index apart.
  explicit Aggregate(bool per_class = false);
  ~Aggregate();
  Aggregate(Aggregate&&) noexcept;
  Aggregate& operator=(Aggregate&&) noexcept;

  /// Adds all examples of `result`. Throws Error(kInvalidArgument) where its layers or their shapes are not those that
  /// were added before; nothing is added then.
  void add(const Result& result);
  /// Means over all examples so far; without any, no layers.
  [[nodiscard]] DatasetMeans result() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mho
