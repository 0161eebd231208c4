// Winograd's algorithm (arXiv 1509.09308) for 3 x 3 convolutions of stride 1, on AVX-512, tile by tile.
//
// Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A, summed over channels before Aᵀ. The matrices are Toom and Cook's for the points 0,
// ±p, ±q, ∞ (F(4 x 4)) and 0, ±1, ∞ (F(2 x 2)). p = 5/8 and q = 3/2 were found by search over multiples of 1/16: all
// their powers here are exact in float32, and sums differ from exact ones by half of what the usual 1 and 2 give:
// relative L2 4.3e-7, 6.8e-7, 1.3e-6 for 16, 64, 256 channels, where sums one by one give 1.6e-7, 3.1e-7, 6.1e-7 and
// F(2 x 2) 1.4e-7, 2.4e-7, 4.4e-7.
#include "kernels/cpu/winograd_tiles.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/cpu/threads.h"
#include "kernels/tensor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mho::kernels::cpu {

namespace {

constexpr std::int64_t kWide = 2 * kChannelBlock;  // filters that are computed at once, where there are as many
constexpr float kP = 0.625F, kQ = 1.5F;
constexpr float kP2 = kP * kP, kQ2 = kQ * kQ;

constexpr int inputs_of(Tile tile) { return static_cast<int>(tile) + 2; }
constexpr int elements_of(Tile tile) { return inputs_of(tile) * inputs_of(tile); }

/// G g.
void transform_window(Tile tile, const double* g, double* to) {
  if (tile == Tile::two) {
    to[0] = g[0];
    to[1] = (g[0] + g[1] + g[2]) / 2;
    to[2] = (g[0] - g[1] + g[2]) / 2;
    to[3] = g[2];
    return;
  }
  constexpr double p = kP, q = kQ;
  constexpr double at_p = 2 * p * p * (p * p - q * q), at_q = 2 * q * q * (q * q - p * p);
  to[0] = g[0] / (p * p * q * q);
  to[1] = (g[0] + p * g[1] + p * p * g[2]) / at_p;
  to[2] = (g[0] - p * g[1] + p * p * g[2]) / at_p;
  to[3] = (g[0] + q * g[1] + q * q * g[2]) / at_q;
  to[4] = (g[0] - q * g[1] + q * q * g[2]) / at_q;
  to[5] = g[2];
}

}  // namespace

std::int64_t WinogradWeights::size() const { return elements_of(tile) * channels * filters; }

// Stored [filters / 32][element][channel][32 filters], the last ones 16 where filters end there.
void WinogradWeights::transform(const float* w, int threads, float* to) const {
  const int n = inputs_of(tile);
  parallel_for(threads, filters, channels * elements_of(tile), kWide, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t first = k / kWide * kWide, width = std::min(kWide, filters - first);
      for (std::int64_t c = 0; c < channels; ++c) {
        const float* const window = w + 9 * (adjoint ? c * filters + k : k * channels + c);
        std::array<std::array<double, 6>, 3> columns{};  // G g, transposed
        for (std::size_t j = 0; j < 3; ++j) {
          std::array<double, 3> g{};
          for (std::size_t i = 0; i < 3; ++i) g[i] = adjoint ? window[8 - 3 * i - j] : window[3 * i + j];
          transform_window(tile, g.data(), columns[j].data());
        }
        for (int i = 0; i < n; ++i) {
          const auto at = static_cast<std::size_t>(i);
          const std::array<double, 3> row{columns[0][at], columns[1][at], columns[2][at]};
          std::array<double, 6> result{};
          transform_window(tile, row.data(), result.data());
          for (int j = 0; j < n; ++j) {
            to[first * elements_of(tile) * channels + ((i * n + j) * channels + c) * width + k - first] =
                static_cast<float>(result[static_cast<std::size_t>(j)]);
          }
        }
      }
    }
  });
}

std::int64_t WinogradConvolution::tiles() const {
  const auto m = static_cast<std::int64_t>(weights.tile);
  return images * ((out_height + m - 1) / m) * ((out_width + m - 1) / m);
}

// As many as the second-level cache holds beside the weights, and as many for every thread.
std::int64_t WinogradConvolution::tiles_at_once(int threads) const {
  const std::int64_t cache = weights.tile == Tile::four ? 1 << 17 : 1 << 18;  // floats
  const std::int64_t most = std::clamp<std::int64_t>(cache / (elements_of(weights.tile) * weights.channels), 28, 224);
  const std::int64_t all = tiles();
  const std::int64_t blocks = ((all + most - 1) / most + threads - 1) / threads * threads;
  return std::max<std::int64_t>(1, (all + blocks - 1) / blocks);
}

#if defined(__x86_64__)

namespace {

// Elements of a tile lie one cache line further apart than they need to: powers of two would share few sets.
constexpr std::int64_t kApart = kChannelBlock;

using Vector = __m512;
constexpr int kLanes = kChannelBlock;

[[gnu::target("avx512f"), gnu::always_inline]] inline Vector load(const float* from) { return _mm512_loadu_ps(from); }
[[gnu::target("avx512f"), gnu::always_inline]] inline void store(float* to, Vector v) { _mm512_storeu_ps(to, v); }
[[gnu::target("avx512f"), gnu::always_inline]] inline Vector all(float v) { return _mm512_set1_ps(v); }
[[gnu::target("avx512f"), gnu::always_inline]] inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
[[gnu::target("avx512f"), gnu::always_inline]] inline Vector sub(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
[[gnu::target("avx512f"), gnu::always_inline]] inline Vector times(float f, Vector a) {
  return _mm512_mul_ps(all(f), a);
}
/// f a + b
[[gnu::target("avx512f"), gnu::always_inline]] inline Vector plus(float f, Vector a, Vector b) {
  return _mm512_fmadd_ps(all(f), a, b);
}
/// b - f a
[[gnu::target("avx512f"), gnu::always_inline]] inline Vector minus(float f, Vector a, Vector b) {
  return _mm512_fnmadd_ps(all(f), a, b);
}

/// Bᵀ d and Aᵀ m along one axis.
template <Tile tile>
struct Transform;

template <>
struct Transform<Tile::four> {
  [[gnu::target("avx512f"), gnu::always_inline]] static inline void input(const Vector* d, Vector* to) {
    const Vector even_p = minus(kQ2, d[2], d[4]), odd_p = minus(kQ2, d[1], d[3]);
    const Vector even_q = minus(kP2, d[2], d[4]), odd_q = minus(kP2, d[1], d[3]);
    to[0] = plus(kP2 * kQ2, d[0], minus(kP2 + kQ2, d[2], d[4]));
    to[1] = plus(kP, odd_p, even_p);
    to[2] = minus(kP, odd_p, even_p);
    to[3] = plus(kQ, odd_q, even_q);
    to[4] = minus(kQ, odd_q, even_q);
    to[5] = plus(kP2 * kQ2, d[1], minus(kP2 + kQ2, d[3], d[5]));
  }
  [[gnu::target("avx512f"), gnu::always_inline]] static inline void output(const Vector* m, Vector* to) {
    const Vector even_p = add(m[1], m[2]), odd_p = sub(m[1], m[2]);
    const Vector even_q = add(m[3], m[4]), odd_q = sub(m[3], m[4]);
    to[0] = add(add(even_p, even_q), m[0]);
    to[1] = plus(kP, odd_p, times(kQ, odd_q));
    to[2] = plus(kP2, even_p, times(kQ2, even_q));
    to[3] = plus(kP2 * kP, odd_p, plus(kQ2 * kQ, odd_q, m[5]));
  }
};

template <>
struct Transform<Tile::two> {
  [[gnu::target("avx512f"), gnu::always_inline]] static inline void input(const Vector* d, Vector* to) {
    to[0] = sub(d[0], d[2]);
    to[1] = add(d[1], d[2]);
    to[2] = sub(d[2], d[1]);
    to[3] = sub(d[3], d[1]);
  }
  [[gnu::target("avx512f"), gnu::always_inline]] static inline void output(const Vector* m, Vector* to) {
    to[0] = add(add(m[1], m[2]), m[0]);
    to[1] = add(sub(m[1], m[2]), m[3]);
  }
};

/// Products of `kRows` tiles with `kVectors` x 16 filters: m[row][filter] = sum over channels of v[row] u. v is
/// [channels / 16][tiles][16], `step` from one block of channels to the next.
template <int kRows, int kVectors>
[[gnu::target("avx512f")]] void multiply(const float* v, std::int64_t blocks, std::int64_t step, const float* u,
                                         float* m) {
  Vector sums[kRows][kVectors];
#pragma GCC unroll 28
  for (auto& row : sums) {
#pragma GCC unroll 2
    for (Vector& sum : row) sum = all(0);
  }
  for (std::int64_t block = 0; block < blocks; ++block, v += step) {
#pragma GCC unroll 2
    for (int c = 0; c < kLanes; ++c, u += kVectors * kLanes) {
      Vector weights[kVectors];
#pragma GCC unroll 2
      for (int k = 0; k < kVectors; ++k) weights[k] = load(u + k * kLanes);
#pragma GCC unroll 28
      for (int row = 0; row < kRows; ++row) {
        const Vector value = all(v[row * kLanes + c]);
#pragma GCC unroll 2
        for (int k = 0; k < kVectors; ++k) sums[row][k] = _mm512_fmadd_ps(value, weights[k], sums[row][k]);
      }
    }
  }
#pragma GCC unroll 28
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 2
    for (int k = 0; k < kVectors; ++k) store(m + (row * kVectors + k) * kLanes, sums[row][k]);
  }
}

using Multiply = void (*)(const float*, std::int64_t, std::int64_t, const float*, float*);

/// multiply() for 1, 2, … rows: sums fill the 32 registers.
template <int kVectors, std::size_t... kRows>
constexpr std::array<Multiply, sizeof...(kRows)> multiply_rows(std::index_sequence<kRows...> /*unused*/) {
  return {&multiply<static_cast<int>(kRows) + 1, kVectors>...};
}
constexpr std::int64_t kMostRows = 28, kMostWideRows = 14;
constexpr auto kMultiply = multiply_rows<1>(std::make_index_sequence<kMostRows>{});
constexpr auto kMultiplyWide = multiply_rows<2>(std::make_index_sequence<kMostWideRows>{});

/// A plane of x, and where a tile's inputs begin: outside where padding is.
struct Patch {
  const float* plane;
  std::int64_t height, width, row, column;
};

/// Bᵀ d B of 16 channels, element e to v + e * step.
template <Tile tile, bool inside>
[[gnu::target("avx512f"), gnu::always_inline]] inline void transform_input(const Patch& from, float* v,
                                                                           std::int64_t step) {
  constexpr int n = inputs_of(tile);
  Vector columns[n][n];
#pragma GCC unroll 6
  for (int j = 0; j < n; ++j) {
    Vector d[n], result[n];
#pragma GCC unroll 6
    for (int i = 0; i < n; ++i) {
      const std::int64_t y = from.row + i, x = from.column + j;
      const bool is_inside = inside || (y >= 0 && y < from.height && x >= 0 && x < from.width);
      d[i] = is_inside ? load(from.plane + (y * from.width + x) * kLanes) : all(0);
    }
    Transform<tile>::input(d, result);
#pragma GCC unroll 6
    for (int i = 0; i < n; ++i) columns[i][j] = result[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < n; ++i) {
    Vector result[n];
    Transform<tile>::input(columns[i], result);
#pragma GCC unroll 6
    for (int j = 0; j < n; ++j) store(v + (i * n + j) * step, result[j]);
  }
}

/// Aᵀ m A of 16 filters.
template <Tile tile>
[[gnu::target("avx512f"), gnu::always_inline]] inline void transform_output(
    const float* m, std::int64_t step, Vector (&y)[static_cast<int>(tile)][static_cast<int>(tile)]) {
  constexpr int n = inputs_of(tile), outputs = static_cast<int>(tile);
  Vector columns[outputs][n];
#pragma GCC unroll 6
  for (int j = 0; j < n; ++j) {
    Vector d[n], result[outputs];
#pragma GCC unroll 6
    for (int i = 0; i < n; ++i) d[i] = load(m + (i * n + j) * step);
    Transform<tile>::output(d, result);
#pragma GCC unroll 4
    for (int i = 0; i < outputs; ++i) columns[i][j] = result[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < outputs; ++i) Transform<tile>::output(columns[i], y[i]);
}

/// `count` tiles beginning with `first`, which are numbered image by image, row by row.
struct Block {
  std::int64_t first, count;
};

template <Tile tile>
[[gnu::target("avx512f")]] void transform_inputs(const WinogradConvolution& c, const Block& block, const float* x,
                                                 float* v, std::int64_t step) {
  constexpr std::int64_t m = static_cast<int>(tile), n = inputs_of(tile);
  const std::int64_t columns = (c.out_width + m - 1) / m, tiles = (c.out_height + m - 1) / m * columns;
  const std::int64_t blocks = c.weights.channels / kChannelBlock, plane = c.height * c.width * kChannelBlock;
  for (std::int64_t t = 0; t < block.count; ++t) {
    const std::int64_t index = block.first + t, place = index % tiles;
    Patch patch{x + index / tiles * blocks * plane, c.height, c.width, place / columns * m - c.pad_top,
                place % columns * m - c.pad_left};
    const bool inside = patch.row >= 0 && patch.column >= 0 && patch.row + n <= c.height && patch.column + n <= c.width;
    for (std::int64_t b = 0; b < blocks; ++b, patch.plane += plane) {
      float* const to = v + (b * block.count + t) * kChannelBlock;
      if (inside) {
        transform_input<tile, true>(patch, to, step);
      } else {
        transform_input<tile, false>(patch, to, step);
      }
    }
  }
}

/// The tiles' outputs for `vectors` x 16 filters from `filter` on.
template <Tile tile>
[[gnu::target("avx512f")]] void write_outputs(const WinogradConvolution& c, const Block& block, std::int64_t filter,
                                              std::int64_t vectors, const float* m, std::int64_t step,
                                              const WinogradConvolution::Operands& operands) {
  constexpr int outputs = static_cast<int>(tile);
  const std::int64_t columns = (c.out_width + outputs - 1) / outputs;
  const std::int64_t tiles = (c.out_height + outputs - 1) / outputs * columns;
  for (std::int64_t t = 0; t < block.count; ++t) {
    const std::int64_t index = block.first + t, place = index % tiles;
    const std::int64_t row = place / columns * outputs, column = place % columns * outputs;
    for (std::int64_t k = 0; k < vectors; ++k) {
      Vector y[outputs][outputs];
      transform_output<tile>(m + (t * vectors + k) * kChannelBlock, step, y);
      const std::int64_t block_of_y = (index / tiles * c.weights.filters + filter) / kChannelBlock + k;
      const std::int64_t corner = ((block_of_y * c.out_height + row) * c.out_width + column) * kChannelBlock;
      const Vector bias = operands.bias != nullptr ? load(operands.bias + filter + k * kChannelBlock) : all(0);
#pragma GCC unroll 4
      for (int i = 0; i < outputs; ++i) {
#pragma GCC unroll 4
        for (int j = 0; j < outputs; ++j) {
          if (row + i >= c.out_height || column + j >= c.out_width) continue;
          const std::int64_t at = corner + (i * c.out_width + j) * kChannelBlock;
          Vector value = add(y[i][j], bias);
          if (operands.residual != nullptr) value = add(value, load(operands.residual + at));
          if (operands.relu) {  // NaN stays NaN, as elsewhere
            value = _mm512_mask_mov_ps(value, _mm512_cmp_ps_mask(value, all(0), _CMP_LT_OQ), all(0));
          }
          store(operands.y + at, value);
        }
      }
    }
  }
}

template <Tile tile>
void run_block(const WinogradConvolution& c, const Block& block, const WinogradConvolution::Operands& operands,
               float* scratch) {
  constexpr int elements = elements_of(tile);
  const std::int64_t channels = c.weights.channels, blocks = channels / kChannelBlock;
  const std::int64_t v_step = channels * block.count + kApart, m_step = kWide * block.count + kApart;
  float* const v = scratch;
  float* const m = scratch + elements * v_step;
  transform_inputs<tile>(c, block, operands.x, v, v_step);
  for (std::int64_t filter = 0; filter < c.weights.filters; filter += kWide) {
    const std::int64_t width = std::min(kWide, c.weights.filters - filter);
    const std::int64_t most = width == kWide ? kMostWideRows : kMostRows, parts = (block.count + most - 1) / most;
    for (std::int64_t e = 0; e < elements; ++e) {
      const float* const u = operands.weights + filter * elements * channels + e * channels * width;
      for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t begin = block.count * part / parts, rows = block.count * (part + 1) / parts - begin;
        const auto kernel = static_cast<std::size_t>(rows - 1);
        (width == kWide ? kMultiplyWide[kernel] : kMultiply[kernel])(v + e * v_step + begin * kChannelBlock, blocks,
                                                                     block.count * kChannelBlock, u,
                                                                     m + e * m_step + begin * width);
      }
    }
    write_outputs<tile>(c, block, filter, width / kChannelBlock, m, m_step, operands);
  }
}

}  // namespace

bool has_winograd() { return __builtin_cpu_supports("avx512f") != 0; }

std::int64_t WinogradConvolution::scratch_size(int threads) const {
  const std::int64_t each = (weights.channels + kWide) * tiles_at_once(threads) + 2 * kApart;
  return threads * elements_of(weights.tile) * each;
}

void WinogradConvolution::run(const Operands& operands, int threads) const {
  const std::int64_t count = tiles(), at_once = tiles_at_once(threads);
  const std::int64_t each = scratch_size(threads) / threads;
  const std::int64_t work = at_once * elements_of(weights.tile) * weights.channels;
  parallel_for(threads, (count + at_once - 1) / at_once, work, 1, [&](std::int64_t begin, std::int64_t end) {
    float* const scratch = operands.scratch + thread_index(threads) * each;
    for (std::int64_t i = begin; i < end; ++i) {
      const Block block{i * at_once, std::min(at_once, count - i * at_once)};
      if (weights.tile == Tile::four) {
        run_block<Tile::four>(*this, block, operands, scratch);
      } else {
        run_block<Tile::two>(*this, block, operands, scratch);
      }
    }
  });
}

#else

bool has_winograd() { return false; }
std::int64_t WinogradConvolution::scratch_size(int /*threads*/) const { return 0; }
void WinogradConvolution::run(const Operands& /*operands*/, int /*threads*/) const {}

#endif

}  // namespace mho::kernels::cpu
