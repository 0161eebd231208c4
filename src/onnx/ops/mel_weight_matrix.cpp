// MelWeightMatrix 17: the triangles that sum a spectrum to the bands of the mel scale. A constant.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

namespace {

double single(const NodeContext& node, std::size_t position, const char* name) {
  const std::vector<double> values = node.constant_reals(position, name);
  if (values.size() != 1) node.invalid(fmt::format("its {} is not a single number", name));
  return values.front();
}

std::int64_t count(const NodeContext& node, std::size_t position, const char* name) {
  const std::vector<std::int64_t> values = node.constant_integers(position, name);
  if (values.size() != 1 || values.front() < 1 || values.front() > (1 << 24)) {
    node.invalid(fmt::format("its {} is not a positive number", name));
  }
  return values.front();
}

/// Band i rises from edge i to 1 at edge i + 1 and falls to edge i + 2; edges are evenly spaced on the mel scale,
/// mel(f) = 2595 log10(1 + f / 700), and rounded down to lines of the spectrum.
std::vector<ValueId> lower_mel_weight_matrix(const NodeContext& node) {
  const std::int64_t bands = count(node, 0, "num_mel_bins"), length = count(node, 1, "dft_length");
  const std::int64_t rate = count(node, 2, "sample_rate"), lines = length / 2 + 1;
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double low = mel(single(node, 3, "lower_edge_hertz")), high = mel(single(node, 4, "upper_edge_hertz"));
  if (!std::isfinite(low) || !std::isfinite(high)) node.invalid("its edges have no place on the mel scale");
  const double step = (high - low) / static_cast<double>(bands + 2);
  if (bands > (std::int64_t{1} << 26) / lines) node.unsupported(fmt::format("a matrix of {} x {}", lines, bands));
  node.build.expect(lines * bands);
  std::vector<std::int64_t> edges;
  for (std::int64_t i = 0; i < bands + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (static_cast<double>(i) * step + low) / 2595) - 1);
    const double line = std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    if (!(line >= 0 && line < static_cast<double>(lines))) {
      node.invalid(fmt::format("an edge of {} Hz is outside the spectrum at {} Hz", hertz, rate));
    }
    edges.push_back(static_cast<std::int64_t>(line));
  }
  std::vector<double> matrix(static_cast<std::size_t>(lines * bands), 0.0);
  for (std::int64_t band = 0; band < bands; ++band) {
    const auto at = [&](std::int64_t line) -> double& { return matrix[static_cast<std::size_t>(line * bands + band)]; };
    const auto edge = edges.begin() + band;
    const std::int64_t left = edge[0], centre = edge[1], right = edge[2];
    for (std::int64_t line = left; line < centre; ++line) {
      at(line) = static_cast<double>(line - left) / static_cast<double>(centre - left);
    }
    at(centre) = 1;
    for (std::int64_t line = centre + 1; line < right; ++line) {
      at(line) = static_cast<double>(right - line) / static_cast<double>(right - centre);
    }
  }
  const ValueId result = node.build.reals({lines, bands}, std::move(matrix));
  const std::int64_t to = node.attributes.integer("output_datatype", 1);
  const bool real = to == 1 || to == 10 || to == 11 || to == 16;
  return {real ? as_real(node.build, result) : cast(node.build, result, DType::i64)};
}

}  // namespace

std::vector<Operator> mel_weight_matrix_operators() {
  return {
      {.type = "MelWeightMatrix", .since = 17, .lowering = lower_mel_weight_matrix},
  };
}

}  // namespace mho::onnx::ops
