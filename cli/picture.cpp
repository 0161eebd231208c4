// The maps that `mho attribute --picture` draws.
#include "picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "text.h"

namespace mho::cli {

namespace {

constexpr std::int64_t kLargeSide = 64;
constexpr std::int64_t kMostSide = 256;
constexpr std::size_t kMostLayers = 64;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// One example seen as channels of maps, and the map that is drawn of them.
struct Maps {
  std::int64_t channels = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t block = 1;    ///< cells of a map per drawn cell, along each side
  std::int64_t neurons = 1;  ///< fewer than cells in grids
  bool grid = false;         ///< neurons without positions, wrapped

  [[nodiscard]] std::int64_t rows() const { return ceil_divide(height, block); }
  [[nodiscard]] std::int64_t columns() const { return ceil_divide(width, block); }
  [[nodiscard]] std::int64_t most_examples() const { return std::max(rows(), columns()) > kLargeSide ? 8 : 32; }
};

Maps maps_of(const Shape& shape) {
  Maps maps;
  maps.neurons = element_count(shape);
  if (shape.size() < 2) {
    maps.grid = true;
    maps.width = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(maps.neurons))));
    maps.height = ceil_divide(maps.neurons, maps.width);
  } else {
    maps.height = shape[shape.size() - 2];
    maps.width = shape.back();
    maps.channels = maps.neurons / (maps.height * maps.width);
  }
  maps.block = ceil_divide(std::max(maps.height, maps.width), kMostSide);
  return maps;
}

/// Adds `values`, channel after channel, to the map `drawn`.
void add_to_map(std::span<const double> values, const Maps& maps, std::span<double> drawn) {
  const std::int64_t cells = maps.height * maps.width;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t cell = static_cast<std::int64_t>(i) % cells;
    const std::int64_t row = cell / maps.width / maps.block;
    const std::int64_t column = cell % maps.width / maps.block;
    drawn[static_cast<std::size_t>(row * maps.columns() + column)] += values[i];
  }
}

std::span<double> map_at(Array& all, const Maps& maps, std::int64_t index) {
  const auto cells = static_cast<std::size_t>(maps.rows() * maps.columns());
  return all.as<double>().subspan(static_cast<std::size_t>(index) * cells, cells);
}

/// One map per example: the sum over channels. Cells of a grid that stand for no neuron are NaN.
io::HeatmapRow overview(std::string label, const Array& values, const Maps& maps) {
  const std::int64_t all = values.shape()[0];
  const std::int64_t examples = std::min(all, maps.most_examples());
  if (maps.channels > 1) label += fmt::format(": sum over {} channels", maps.channels);
  if (maps.grid) label += fmt::format(": {} neurons in rows of {}", maps.neurons, maps.width);
  if (maps.block > 1) label += fmt::format(", blocks of {0} x {0}", maps.block);
  if (examples < all) label += fmt::format(", first {} examples", examples);

  Array drawn(DType::f64, {examples, maps.rows(), maps.columns()});
  const auto neurons = static_cast<std::size_t>(maps.neurons);
  for (std::int64_t example = 0; example < examples; ++example) {
    const auto map = map_at(drawn, maps, example);
    add_to_map(values.as<double>().subspan(static_cast<std::size_t>(example) * neurons, neurons), maps, map);
    if (maps.block > 1) continue;
    for (std::size_t i = neurons; i < map.size(); ++i) map[i] = std::numeric_limits<double>::quiet_NaN();
  }
  return {std::move(label), std::move(drawn), 0};
}

io::HeatmapRow channel_row(const LayerResult& layer, const Maps& maps, const std::vector<Ranked>& channels) {
  Array drawn(DType::f64, {static_cast<std::int64_t>(channels.size()), maps.rows(), maps.columns()});
  std::string label = "its top channels:";
  const auto cells = static_cast<std::size_t>(maps.height * maps.width);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const std::int64_t channel = channels[i].index[0];
    const auto from = layer.values.as<double>().subspan(static_cast<std::size_t>(channel) * cells, cells);
    add_to_map(from, maps, map_at(drawn, maps, static_cast<std::int64_t>(i)));
    label += fmt::format(" {}", channel);
  }
  return {std::move(label), std::move(drawn), 0};
}

}  // namespace

std::vector<io::HeatmapRow> picture_rows(const Inputs& inputs, const Result& result,
                                         const std::vector<Ranking>& rankings) {
  std::vector<io::HeatmapRow> rows;
  for (const auto& [name, input] : inputs) {
    if (input.shape().size() < 3 || input.size() == 0) continue;
    const Shape one(input.shape().begin() + 1, input.shape().end());
    rows.push_back(overview(fmt::format("input {}", printable(name)), input.to(DType::f64), maps_of(one)));
  }
  for (std::size_t i = 0; i < std::min(result.layers.size(), kMostLayers); ++i) {
    const LayerResult& layer = result.layers[i];
    if (layer.values.size() == 0 || layer.values.shape().empty()) continue;
    const Shape one = neuron_shape(layer);
    const Maps maps = maps_of(one);
    rows.push_back(overview(fmt::format("{} ({})", printable(layer.name), printable(layer.op)), layer.values, maps));
    const bool has_maps = one.size() == 3 && !rankings[i].top_channels.empty();
    if (layer.values.shape()[0] == 1 && has_maps) rows.push_back(channel_row(layer, maps, rankings[i].top_channels));
  }
  if (result.layers.size() > kMostLayers) {
    rows.back().label += fmt::format("; {} further layers are not drawn", result.layers.size() - kMostLayers);
  }
  return rows;
}

}  // namespace mho::cli
