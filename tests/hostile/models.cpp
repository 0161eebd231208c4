// Invariant: whatever is done to a model's bytes, mho gives the right answer or a clear Error, in bounded time and
// memory.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <thread>

#include "hostile/attempt.h"
#include "hostile/mutations.h"
#include "hostile/workers.h"

namespace mho::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr std::int64_t kMemory = std::int64_t{1} << 30;  // of a model
constexpr std::int64_t kProcess = std::int64_t{1}
                                  << 28;  // what a worker has besides: the models, libraries, their heap

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

Attempt try_seed(const HostileModels& models, std::uint64_t seed) {
  // One in sixteen large models is compared: plain loops take seconds there.
  const double most_flops = seed % 16 == 0 ? 1e8 : 1e7;
  return attempt(mutation(models, seed).bytes, seed, kMemory, kSanitized ? most_flops / 10 : most_flops);
}

TEST(HostileModels, MutationsGiveTheRightAnswerOrAnError) {
  const HostileModels models = hostile_models();
  if (models.real.empty()) fmt::print("no models in $MHO_DATA or ../shared/data: small ones alone are damaged\n");
  const std::uint64_t count = number_from("MHO_MUTATIONS", kSanitized ? 60 : 500);
  const std::uint64_t first = number_from("MHO_FIRST_SEED", 1);
  const auto workers = static_cast<int>(number_from("MHO_WORKERS", std::max(1U, std::thread::hardware_concurrency())));
  const Bounds bounds{kSanitized ? 60.0 : 10.0, (kMemory + kProcess) * (kSanitized ? 4 : 1), !kSanitized};
  const Tally tally =
      run_seeds(first, count, workers, bounds, [&](std::uint64_t seed) { return try_seed(models, seed); });

  const auto of = [&](Outcome outcome) { return tally.outcomes[static_cast<std::size_t>(outcome)]; };
  fmt::print(
      "{} mutations of {} models: {} refused; {} ran, {} of them compared and right, {} differ as float32 does without "
      "optimisation; slowest {:.1f} s (seed {}), at most {} MiB\n",
      tally.done, models.real.size() + models.small.size(), of(Outcome::kRefused),
      of(Outcome::kRan) + of(Outcome::kCompared) + of(Outcome::kRounding), of(Outcome::kCompared),
      of(Outcome::kRounding), tally.slowest, tally.slowest_seed, tally.peak_bytes >> 20);
  for (const Failed& one : tally.failures) {
    const Mutation what = mutation(models, one.seed);
    ADD_FAILURE() << what.model->name << ", " << what.kind << ": " << one.why << "\n  MHO_FIRST_SEED=" << one.seed
                  << " MHO_MUTATIONS=1 repeats it";
  }
  EXPECT_EQ(tally.done, count);
  // A test that refuses everything, or compares nothing, would not fail either.
  if (count >= 100) {
    EXPECT_GE(of(Outcome::kRefused), count / 10);
    EXPECT_GE(of(Outcome::kCompared), count / 20);
    EXPECT_LE(of(Outcome::kRounding), 2 + of(Outcome::kCompared) / 20);
  }
}

TEST(HostileModels, UnchangedModelsRunAndAreRight) {
  const HostileModels models = hostile_models();
  std::size_t compared = 0;
  for (const NamedModel& model : models.small) {
    const Attempt one = attempt(model.bytes, 1, kMemory, 2e8);
    EXPECT_NE(one.outcome, Outcome::kWrong) << model.name << ": " << one.message;
    compared += one.outcome == Outcome::kCompared ? 1 : 0;
  }
  EXPECT_GE(compared, models.small.size() / 2);
}

// One element of the outputs a hundredth of the largest off is an answer that the comparison calls wrong.
TEST(HostileModels, WrongAnswersAreTold) {
  const std::vector<NamedModel> models = hostile_models().small;
  const auto cnn = std::ranges::find(models, "cnn.onnx", &NamedModel::name);
  ASSERT_NE(cnn, models.end());
  const Model model = Model::parse(std::as_bytes(std::span(cnn->bytes)));
  Array digits(DType::f32, {2, 1, 8, 8});
  for (std::size_t i = 0; i < 128; ++i) digits.as<float>()[i] = static_cast<float>(i % 7) / 7;
  const Inputs inputs{{"image", digits}};
  Outputs outputs = model.run(inputs);
  EXPECT_EQ(compare(model, inputs, outputs, 1e9).outcome, Outcome::kCompared);
  EXPECT_EQ(compare(model, inputs, outputs, 1).outcome, Outcome::kRan);
  const auto logits = outputs.at("logits").as<float>();
  logits[3] += 0.01F * std::abs(*std::ranges::max_element(logits, {}, [](float v) { return std::abs(v); }));
  const Attempt wrong = compare(model, inputs, outputs, 1e9);
  EXPECT_EQ(wrong.outcome, Outcome::kWrong);
  EXPECT_NE(wrong.message.find("'logits'"), std::string::npos) << wrong.message;
}

TEST(HostileModels, WorkersThatDieHangOrSwellAreTold) {
  const Bounds bounds = kSanitized ? Bounds{3, std::int64_t{3} << 29, false} : Bounds{0.5, std::int64_t{3} << 28, true};
  const Tally tally = run_seeds(0, 12, 2, bounds, [](std::uint64_t seed) -> Attempt {
    if (seed == 3) ::_exit(7);
    if (seed == 4) std::abort();
    if (seed == 5) {
      for (volatile std::uint64_t i = 0; true;) i = i + 1;
    }
    if (seed == 8) return {Outcome::kWrong, "wrong"};
    if (seed == 9) {
      // Pages that are there, without the time that sanitizers take to watch them.
      const std::size_t bytes = (kSanitized ? std::size_t{4} : std::size_t{2}) << 29;
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    }
    return {Outcome::kCompared, {}};
  });
  std::map<std::uint64_t, std::string> failures;
  for (const Failed& one : tally.failures) failures[one.seed] += one.why;
  EXPECT_EQ(tally.done, 12U);
  ASSERT_EQ(failures.size(), 5U);
  EXPECT_EQ(failures[3], "ended with status 7");
  EXPECT_NE(failures[4].find("signal 6"), std::string::npos) << failures[4];
  EXPECT_EQ(failures[5], fmt::format("more than {} seconds", bounds.seconds));
  EXPECT_EQ(failures[8], "wrong");
  EXPECT_NE(failures[9].find("MiB"), std::string::npos) << failures[9];
}

}  // namespace
}  // namespace mho::testing
