// Attributions of a data set: means over its examples, added up batch by batch.
#include <fmt/format.h>
#include <mho/aggregate.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>

namespace mho {

namespace {

Shape example_shape(const LayerResult& layer) {
  const Shape& all = layer.values.shape();
  return {all.begin() + 1, all.end()};
}

/// Sums over examples, per layer.
struct Sums {
  std::int64_t examples = 0;
  std::vector<std::vector<double>> values, magnitudes;

  void add(const Result& result, std::size_t example) {
    values.resize(result.layers.size());
    magnitudes.resize(result.layers.size());
    ++examples;
    for (std::size_t l = 0; l < result.layers.size(); ++l) {
      const auto all = result.layers[l].values.as<double>();
      const std::size_t size = all.size() / result.f_input.size();
      const auto own = all.subspan(size * example, size);
      values[l].resize(size);
      magnitudes[l].resize(size);
      for (std::size_t i = 0; i < size; ++i) {
        values[l][i] += own[i];
        magnitudes[l][i] += std::abs(own[i]);
      }
    }
  }
};

Array divided(const Shape& shape, std::vector<double> sums, std::int64_t count) {
  for (double& sum : sums) sum /= static_cast<double>(count);
  return {shape, sums};
}

}  // namespace

struct Aggregate::Impl {
  struct Layer {
    std::string name, node, op;
    Shape shape;
  };

  bool per_class = false;
  std::vector<Layer> layers;
  Sums all;
  std::map<std::int64_t, Sums> classes;

  void check(const Result& result) const {
    if (all.examples == 0) return;
    const auto same = [](const LayerResult& layer, const Layer& known) {
      return layer.name == known.name && example_shape(layer) == known.shape;
    };
    if (std::ranges::equal(result.layers, layers, same)) return;
    const auto other = std::ranges::mismatch(result.layers, layers, same).in1;
    throw Error(Code::kInvalidArgument,
                other == result.layers.end()
                    ? fmt::format("a result has {} layers, others had {}: they must be the same", result.layers.size(),
                                  layers.size())
                    : fmt::format("layer '{}' {} of a result is not what others had in its place", other->name,
                                  to_string(example_shape(*other))));
  }

  [[nodiscard]] ExampleMeans means(const Sums& sums) const {
    ExampleMeans result{sums.examples, {}};
    for (std::size_t l = 0; l < sums.values.size(); ++l) {
      const Layer& layer = layers[l];
      result.layers.push_back({layer.name, layer.node, layer.op, divided(layer.shape, sums.values[l], sums.examples),
                               divided(layer.shape, sums.magnitudes[l], sums.examples)});
    }
    return result;
  }
};

Aggregate::Aggregate(bool per_class) : impl_(std::make_unique<Impl>()) { impl_->per_class = per_class; }
Aggregate::~Aggregate() = default;
Aggregate::Aggregate(Aggregate&&) noexcept = default;
Aggregate& Aggregate::operator=(Aggregate&&) noexcept = default;

void Aggregate::add(const Result& result) {
  impl_->check(result);
  if (impl_->all.examples == 0) {
    impl_->layers.clear();
    for (const LayerResult& layer : result.layers) {
      impl_->layers.push_back({layer.name, layer.node, layer.op, example_shape(layer)});
    }
  }
  for (std::size_t n = 0; n < result.f_input.size(); ++n) {
    impl_->all.add(result, n);
    if (impl_->per_class) impl_->classes[result.target[n]].add(result, n);
  }
}

DatasetMeans Aggregate::result() const {
  DatasetMeans means{impl_->means(impl_->all), {}};
  for (const auto& [target, sums] : impl_->classes) means.classes.emplace(target, impl_->means(sums));
  return means;
}

}  // namespace mho
