// Invariant: one Model serves any number of threads at once, and each gets what it would have got alone, to the bit.
// The thread sanitizer runs these too (./dev test): models use one thread each there, for it does not know OpenMP.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/check.h>
#include <mho/evaluation.h>
#include <mho/io.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "support/sanitized.h"

namespace mho {
namespace {

constexpr int kThreads = 8;
constexpr int kThreadsOfModel = testing::kSanitized ? 1 : 2;

/// Runs `body(thread)` on all threads at once; exceptions are failures.
void at_once(const std::function<void(int)>& body) {
  std::vector<std::string> failures(kThreads);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      try {
        body(t);
      } catch (const std::exception& error) {
        failures[static_cast<std::size_t>(t)] = error.what();
      }
    });
  }
  threads.clear();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

Model digits(Precision precision) {
  return Model::load(MHO_SOURCE_DIR "/examples/digits/cnn.onnx", {.precision = precision, .threads = kThreadsOfModel});
}

Inputs images(std::int64_t first, std::int64_t count) {
  const Array all = io::read_npz(MHO_SOURCE_DIR "/examples/digits/digits.npz").at("images");
  Shape shape = all.shape();
  const std::size_t each = all.bytes().size() / static_cast<std::size_t>(shape[0]);
  shape[0] = count;
  Array some(all.dtype(), shape);
  std::ranges::copy(all.bytes().subspan(each * static_cast<std::size_t>(first), each * static_cast<std::size_t>(count)),
                    some.bytes().begin());
  return {{"image", some}};
}

void expect_same(const Result& a, const Result& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    EXPECT_TRUE(std::ranges::equal(a.layers[l].values.bytes(), b.layers[l].values.bytes())) << a.layers[l].name;
  }
  EXPECT_EQ(a.f_input, b.f_input);
}

class Threads : public ::testing::TestWithParam<Precision> {};

TEST_P(Threads, ShareOneModel) {
  const Model model = digits(GetParam());
  const Method methods[] = {Method::kNig,
                            Method::kDeepLift,
                            Method::kGradientXActivation,
                            Method::kNig,
                            Method::kInternalInfluence,
                            Method::kAblation,
                            Method::kGradCam,
                            Method::kLrp};
  const auto request_of = [&](int t) {
    Request request;
    request.method = methods[t];
    request.layers = {"relu3"};
    request.tolerance = 0.05;
    request.micro_batch = 1 + t % 3;
    return request;
  };
  const auto inputs_of = [](int t) { return images(t % 4, 1 + t % 3); };
  std::vector<Result> alone;
  for (int t = 0; t < kThreads; ++t) {
    // Of a model of its own: what the shared one has prepared must not matter.
    alone.push_back(attribute(digits(GetParam()), inputs_of(t), request_of(t)));
  }
  at_once([&](int t) {
    for (int round = 0; round < 2; ++round) {
      const Result shared = attribute(model, inputs_of(t), request_of(t));
      expect_same(shared, alone[static_cast<std::size_t>(t)]);
    }
  });
}

TEST_P(Threads, InspectRunAndConvertWhileOthersLoad) {
  const Model model = digits(GetParam());
  const auto expected = model.run(images(0, 3));
  at_once([&](int t) {
    EXPECT_EQ(model.inspect().layers.size(), digits(GetParam()).inspect().layers.size());
    const Model other = t % 2 == 0 ? model : model.with_options({.precision = GetParam(), .threads = kThreadsOfModel});
    const auto outputs = other.run(images(0, 3));
    for (const auto& [name, array] : expected) {
      EXPECT_TRUE(std::ranges::equal(array.bytes(), outputs.at(name).bytes())) << name;
    }
  });
}

TEST_P(Threads, OneIsCancelledAndTheOthersGoOn) {
  const Model model = digits(GetParam());
  Request request;
  request.layers = {"relu3"};
  request.steps = 16;
  const Result alone = attribute(model, images(0, 2), request);
  at_once([&](int t) {
    Request own = request;
    if (t % 2 == 0) return expect_same(attribute(model, images(0, 2), own), alone);
    own.progress = [](const Progress& progress) { return progress.evaluations == 0; };
    try {
      static_cast<void>(attribute(model, images(0, 2), own));
      FAIL() << "was not cancelled";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCancelled);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(In, Threads, ::testing::Values(Precision::kSingle, Precision::kDouble),
                         [](const auto& test) { return test.param == Precision::kSingle ? "Single" : "Double"; });

}  // namespace
}  // namespace mho
