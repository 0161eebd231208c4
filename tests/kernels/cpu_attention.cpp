// Invariant: attention and normalization on the CPU device equal the reference to float rounding, also where the
// scores do not fit in one block, with fewer products than threads, and for any number of threads.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 2e-6;

void check_attention(const Shape& batch, std::int64_t rows, std::int64_t keys, bool transpose, bool biased) {
  Bench bench(11);
  const auto matrix = [&](std::int64_t m, std::int64_t n) {
    Shape shape = batch;
    shape.insert(shape.end(), {m, n});
    return shape;
  };
  const std::int64_t size = 8, value_size = 6;
  const Shape k_shape = transpose ? matrix(keys, size) : matrix(size, keys);
  const Pair q = bench.random(matrix(rows, size)), k = bench.random(k_shape),
             v = bench.random(matrix(keys, value_size));
  const Pair bias = bench.random({rows, keys});
  const Pair gy = bench.random(matrix(rows, value_size));
  const Pair y = bench.output(gy.cpu.shape()), gq = bench.output(q.cpu.shape()), gk = bench.output(k_shape),
             gv = bench.output(v.cpu.shape()), gs = bench.output(matrix(rows, keys));
  bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
    const AttentionAttributes attributes{0.3, transpose};
    const AttentionOperands in{pick(q), pick(k), pick(v), biased ? pick(bias) : Tensor{}};
    device.attention(workspace, attributes, in, pick(y));
    device.attention_vjp(workspace, attributes, in, pick(gy), {pick(gq), pick(gk), pick(gv), pick(gs)});
  });
  bench.expect_equal(y, kTolerance, "y");
  bench.expect_equal(gq, kTolerance, "gq");
  bench.expect_equal(gk, kTolerance, "gk");
  bench.expect_equal(gv, kTolerance, "gv");
  bench.expect_equal(gs, kTolerance, "gs");
}

TEST(CpuAttention, EqualsReference) {
  for (const bool transpose : {true, false}) {
    for (const bool biased : {true, false}) {
      check_attention({}, 3, 4, transpose, biased);
      check_attention({5}, 17, 33, transpose, biased);
      check_attention({2, 3}, 1, 40, transpose, biased);
    }
  }
}

TEST(CpuAttention, ScoresInSeveralBlocks) {
  check_attention({}, 300, 500, true, true);
  check_attention({3}, 40, 5000, false, false);
}

// A device of one thread on every thread of a team: temporaries are those of one thread.
TEST(CpuAttention, RunsInLanes) {
  Bench bench(17, 3);
  const Pair q = bench.random({4, 9, 8}), k = bench.random({4, 11, 8}), v = bench.random({4, 11, 6});
  const Pair gy = bench.random({4, 9, 6});
  const auto lanes = bench.cpu().make_lanes();
  ASSERT_EQ(lanes.size(), 3U);
  std::vector<Pair> y, gq;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    y.push_back(bench.output({4, 9, 6}));
    gq.push_back(bench.output({4, 9, 8}));
  }
  const auto reference = make_reference_device();
  const auto compute = [&](Device& device, std::size_t lane, const Pick& pick) {
    Scratch scratch;
    Workspace workspace(scratch);
    const AttentionAttributes attributes{0.3, true};
    const AttentionOperands in{pick(q), pick(k), pick(v), {}};
    device.attention(workspace, attributes, in, pick(y[lane]));
    device.attention_vjp(workspace, attributes, in, pick(gy), {pick(gq[lane]), {}, {}, {}});
  };
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) compute(*reference, lane, Pick(true));
  run_lanes(lanes.size(), [&](std::size_t lane) { compute(*lanes[lane], lane, Pick(false)); });
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    bench.expect_equal(y[lane], kTolerance, "y");
    bench.expect_equal(gq[lane], kTolerance, "gq");
  }
}

TEST(CpuAttention, ARowThatMayAttendToNothingTakesTheMean) {
  Bench bench(3);
  const Pair q = bench.random({1, 2}), k = bench.random({4, 2}), v = bench.random({4, 1}), y = bench.output({1, 1});
  const Pair bias = bench.random({4}, Layout::plain, -1e30, -1e30);
  bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
    device.attention(workspace, {}, {pick(q), pick(k), pick(v), pick(bias)}, pick(y));
  });
  const auto elements = values(v.reference);
  const double mean = (elements[0] + elements[1] + elements[2] + elements[3]) / 4;
  EXPECT_NEAR(values(y.reference)[0], mean, 1e-12);
  bench.expect_equal(y, kTolerance, "y");
}

// Near and far references, equal elements, and scores that are masked in both runs.
TEST(CpuMultipliers, OfRowsEqualTheReference) {
  for (const double apart : {1e-3, 1.0, 30.0}) {
    Bench bench(9);
    const Shape shape{40, 37};
    const Pair x = bench.random(shape), my = bench.random(shape), rx = bench.clone(x);
    std::vector<double> others = values(x.reference);
    for (std::size_t i = 0; i < others.size(); i += 3) others[i] = static_cast<float>(others[i] + apart);
    for (std::size_t i = 5; i < others.size(); i += 37) others[i] = -1e30;
    set_values(rx.reference, others);
    set_values(rx.cpu, others);
    std::vector<double> masked = values(x.reference);
    for (std::size_t i = 5; i < masked.size(); i += 37) masked[i] = -1e30;
    set_values(x.reference, masked);
    set_values(x.cpu, masked);
    const Pair of_softmax = bench.output(shape), of_log = bench.output(shape);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.softmax_multipliers(workspace, false, pick(x), pick(rx), 1, pick(my), pick(of_softmax));
      device.softmax_multipliers(workspace, true, pick(x), pick(rx), 1, pick(my), pick(of_log));
    });
    bench.expect_equal(of_softmax, kTolerance, "softmax");
    bench.expect_equal(of_log, kTolerance, "log softmax", 10);
    const Pair a = bench.random(shape), b = bench.random(shape);
    for (const bool centred : {true, false}) {
      const Pair of_normalization = bench.output(shape);
      bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
        device.normalization_multipliers(workspace, {1, 1e-5, centred}, pick(a), pick(b), pick(my),
                                         pick(of_normalization));
      });
      bench.expect_equal(of_normalization, kTolerance, "normalization");
    }
  }
}

TEST(CpuNormalization, EqualsReferenceOnLongRows) {
  for (const bool centred : {true, false}) {
    Bench bench(5);
    const Pair x = bench.random({50, 1001}), gy = bench.random({50, 1001});
    const Pair y = bench.output({50, 1001}), gx = bench.output({50, 1001}), inverse = bench.output({50});
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      const NormalizationAttributes attributes{1, 1e-5, centred};
      device.normalization(workspace, attributes, pick(x), pick(y), pick(inverse));
      device.normalization_vjp(workspace, attributes, pick(y), pick(inverse), pick(gy), pick(gx));
    });
    bench.expect_equal(y, kTolerance, "y");
    bench.expect_equal(inverse, kTolerance, "inverse deviation");
    bench.expect_equal(gx, kTolerance, "gx");
  }
}

}  // namespace
}  // namespace mho::kernels::testing
