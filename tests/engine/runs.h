// Runs Plans with values on the host, and finds points near which a network is not smooth.
#pragma once

#include <memory>
#include <vector>

#include "engine/plan.h"
#include "support/random_graph.h"

namespace mho::engine::testing {

using Values = std::vector<double>;

struct Outcome {
  std::vector<Values> fetches;
  std::vector<Values> gradients;
};

[[nodiscard]] Values read(kernels::Device& device, const kernels::Tensor& tensor);
void write(kernels::Device& device, const Values& values, const kernels::Tensor& tensor);

/// Feeds, runs forward, seeds, runs backward if gradients are wanted, and reads everything.
Outcome run(Plan& plan, const PlanRequest& request, kernels::Device& device, const std::vector<Values>& feeds,
            const std::vector<Values>& seeds);
[[nodiscard]] Outcome run(const graph::Graph& graph, const PlanRequest& request,
                          const std::shared_ptr<kernels::Device>& device, const PlanOptions& options,
                          const std::vector<Values>& feeds, const std::vector<Values>& seeds);

/// Largest difference of two outcomes, each tensor relative to its largest element in `a` or 0.1.
[[nodiscard]] double difference(const Outcome& a, const Outcome& b);

/// Whether rounding errors of float could move the gradients across a kink: they jump when the inputs move a little.
[[nodiscard]] bool near_kink(const graph::Graph& graph, const PlanRequest& request, const std::vector<Values>& feeds,
                             const std::vector<Values>& seeds);

/// A random network and what to ask of it: some layers, gradients at some of them and at the inputs.
struct Question {
  mho::testing::RandomGraph network;
  PlanRequest request;
  std::vector<Values> feeds;
  std::vector<Values> seeds;
};
/// Drawn by RapidCheck. `exact`: without batch normalization, whose folding changes the rounding.
[[nodiscard]] Question draw_question(bool exact = false);

}  // namespace mho::engine::testing
