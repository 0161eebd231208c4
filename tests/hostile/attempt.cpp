// What is done with a damaged model: everything that a user would, and a second opinion on the numbers.
#include "hostile/attempt.h"

#include <fmt/format.h>
#include <mho/attribution.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <random>
#include <span>

#include "hostile/plain_run.h"

namespace mho::testing {

namespace {

constexpr std::int64_t kMostInputElements = 1 << 20;

/// Examples for every input, or nothing where they would be large or cannot be known.
std::optional<Inputs> draw_inputs(const Model& model, std::uint64_t seed) {
  std::minstd_rand random(static_cast<std::uint32_t>(seed + 77));
  const std::int64_t examples = 1 + static_cast<std::int64_t>(random() % 2);
  Inputs inputs;
  for (const Port& port : model.inputs()) {
    Shape shape = port.shape;
    std::int64_t elements = 1;
    const bool real = port.type.starts_with("float") || port.type == "double" || port.type == "bfloat16";
    const std::int64_t open = real && shape.size() == 2 ? 512 : 24;  // samples of sound, or tokens, rows and columns
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] < 0) shape[axis] = axis == 0 ? examples : open;
      if (shape[axis] > kMostInputElements || (elements *= std::max<std::int64_t>(shape[axis], 1)) > kMostInputElements)
        return std::nullopt;
    }
    Array array(real ? DType::f32 : DType::i64, shape);
    if (real) {
      for (float& v : array.as<float>()) v = static_cast<float>(random() % 2048) / 1024.0F - 1;
    } else {
      for (std::int64_t& v : array.as<std::int64_t>()) v = static_cast<std::int64_t>(random() % 2);
    }
    inputs.emplace(port.name, std::move(array));
  }
  return inputs;
}

/// The largest difference in units of the largest value; none where one has a NaN or infinity and the other a number.
double difference(const Array& expected, const Array& actual) {
  double scale = 1e-3;
  double worst = 0;
  for (std::int64_t k = 0; k < expected.size(); ++k) {
    const double a = expected.at(k);
    const double b = actual.at(k);
    if (std::isfinite(a)) scale = std::max(scale, std::abs(a));
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!std::isfinite(a) || !std::isfinite(b)) return HUGE_VAL;
    worst = std::max(worst, std::abs(a - b));
  }
  return worst / scale;
}

struct Differs {
  double by = 0;
  std::string output;
};
Differs difference(const Outputs& expected, const Outputs& actual) {
  Differs worst;
  for (const auto& [name, array] : expected) {
    const auto it = actual.find(name);
    const bool same_shape = it != actual.end() && it->second.size() == array.size();
    const double by = same_shape ? difference(array, it->second) : HUGE_VAL;
    if (by > worst.by || (by == HUGE_VAL && worst.output.empty())) worst = {by, name};
  }
  return worst;
}

std::string not_finite(const Result& result) {
  for (const LayerResult& layer : result.layers) {
    const auto values = layer.values.as<double>();
    if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) return layer.name;
  }
  return {};
}

Attempt use(const std::string& bytes, std::uint64_t seed, std::int64_t memory, double most_flops) {
  const Model model = Model::parse(std::as_bytes(std::span(bytes)), {},
                                   {.threads = 1,
                                    .limits = {.tensor_elements = 1 << 26,
                                               .unrolled_nodes = 20'000,
                                               .primitives = 50'000,
                                               .work = 1'000'000'000,
                                               .memory = memory}});
  const std::optional<Inputs> inputs = draw_inputs(model, seed);
  if (!inputs) return {Outcome::kRefused, "its inputs are large"};
  InspectOptions options;
  options.inputs = *inputs;
  try {
    static_cast<void>(model.inspect(options));
  } catch (const Error& error) {
    // A model without anything to attribute can still be run.
    if (error.code() != Code::kInvalidArgument && error.code() != Code::kUnsupported) throw;
  }
  // Honest work of a second is no hang, but few of these are enough.
  const double most_work = seed % 8 == 0 ? 1.5e10 : 1e9;
  if (PlainRun(model, *inputs, Precision::kSingle).flops() > most_work) return {Outcome::kRefused, "it is large"};
  const Outputs outputs = model.run(*inputs);
  Attempt result = compare(model, *inputs, outputs, most_flops);
  if (result.outcome == Outcome::kWrong) return result;
  try {
    Request request;
    request.method = seed % 4 == 0 ? Method::kDeepLift : Method::kGradientXActivation;
    const std::string layer = not_finite(attribute(model, *inputs, request));
    if (!layer.empty()) {
      return {Outcome::kWrong, fmt::format("{} of layer '{}' has a NaN or infinity", to_string(request.method), layer)};
    }
  } catch (const Error& error) {
    if (error.code() == Code::kInternal) throw;
    if (result.message.empty()) result.message = error.what();
  }
  return result;
}

}  // namespace

Attempt compare(const Model& model, const Inputs& inputs, const Outputs& outputs, double most_flops) {
  constexpr double kRounding = 2e-3;  // float32 through tens of layers
  constexpr double kExact = 1e-8;     // float64 with and without optimisation
  constexpr double kMostSafe = 1e12;  // beyond, squares and sums leave float32's range or its precision
  const PlainRun reference(model, inputs, Precision::kDouble);
  if (reference.flops() > most_flops) return {Outcome::kRan, {}};
  const Outputs expected = reference.run();
  const Model exact = model.with_options({.precision = Precision::kDouble});
  const Differs optimised = difference(expected, exact.run(inputs));
  if (optimised.by > kExact && reference.largest() < kMostSafe) {
    return {Outcome::kWrong,
            fmt::format("float64: output '{}' is off by {:.2g} of its largest value where the graph is "
                        "optimised",
                        optimised.output, optimised.by)};
  }
  if (reference.largest() > kMostSafe) return {Outcome::kRan, {}};
  const Differs rounded = difference(expected, outputs);
  if (rounded.by <= kRounding) return {Outcome::kCompared, {}};
  const Outputs plain = PlainRun(model, inputs, Precision::kSingle).run();
  const Differs same = difference(plain, outputs);
  const std::string text = fmt::format(
      "output '{}' is off by {:.2g} of its largest value, and by {:.2g} from float32 "
      "without optimisation",
      rounded.output, rounded.by, same.by);
  const Differs unoptimised = difference(expected, plain);
  const bool ill = same.by <= kRounding || unoptimised.by > rounded.by / 30;
  return {ill ? Outcome::kRounding : Outcome::kWrong, text};
}

Attempt attempt(const std::string& bytes, std::uint64_t seed, std::int64_t memory, double most_flops) {
  try {
    return use(bytes, seed, memory, most_flops);
  } catch (const Error& error) {
    const bool ours = error.code() == Code::kInternal || std::string_view(error.what()).empty();
    return {ours ? Outcome::kWrong : Outcome::kRefused, error.what()};
  } catch (const std::bad_alloc&) {
    return {Outcome::kWrong, "std::bad_alloc: more memory was asked for than was counted"};
  } catch (const std::exception& error) {
    return {Outcome::kWrong, fmt::format("no mho::Error: {}", error.what())};
  }
}

}  // namespace mho::testing
