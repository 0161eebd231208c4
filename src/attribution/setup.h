// What a request means for a model: examples, baseline, target and layers, checked and found in the graph.
#pragma once

#include <mho/attribution.h>

#include "attribution/layers.h"
#include "attribution/model_impl.h"
#include "attribution/sources.h"
#include "attribution/target.h"
#include "graph/analysis.h"
#include "kernels/poll.h"

namespace mho::attribution {

struct Setup {
  Examples inputs;
  std::map<std::string, Array, std::less<>> baselines;  ///< per input that moves, and per tensor behind inputs where
                                                        ///< one is given: one example, as many as inputs, or one per
                                                        ///< reference
  std::int64_t references = 1;                          ///< how many references every example is compared with
  bool own_references = false;                          ///< every example has references of its own
  std::shared_ptr<const engine::Network> network;
  std::shared_ptr<const graph::Graph> graph;  ///< for one example
  TargetTensor target;                        ///< ids of `graph`
  std::string requested_output;               ///< as in the request
  bool probability = false;
  bool subtract_class_mean = false;
  PathSources sources;  ///< likewise
  graph::Analysis facts;
  std::vector<LayerChoice> layers;
  /// Points of the first example's path, ascending: written where adaptive secants chose them, and taken where steps
  /// are fixed and there are any (add_precision_error() repeats them).
  std::shared_ptr<std::vector<double>> first_points = std::make_shared<std::vector<double>>();
  std::shared_ptr<kernels::Poll> poll;  ///< null where nobody can cancel
  bool batched = false;
  std::string batching;               ///< why, or why not
  std::vector<std::string> notes;     ///< the result begins with them (Result::notes)
  std::int64_t micro_batch = 1;       ///< points at once; on every lane where mho chose it
  bool micro_batch_is_given = false;  ///< by the request: for all lanes together

  /// Which example of the baselines is reference `number` of an example.
  [[nodiscard]] std::int64_t reference_of(std::int64_t example, std::int64_t number) const {
    if (own_references) return example * references + number;
    return references > 1 ? number : example;
  }
  /// Throws Error(kCancelled) where the caller has had enough.
  void ask() const {
    if (poll) (*poll)();
  }
  /// Of an input, or of a tensor behind inputs.
  [[nodiscard]] const Shape& example_shape(const std::string& name) const;
  /// All examples have the same baselines.
  [[nodiscard]] bool one_baseline() const;
  /// Example `index` of the baseline of input or tensor `name`, with its example shape.
  [[nodiscard]] Array baseline(const std::string& name, std::int64_t index) const;
};

/// Whether every example may be compared with more references than one.
[[nodiscard]] inline bool has_several_references(const Baseline& baseline) {
  return std::holds_alternative<ReferenceSet>(baseline) || std::holds_alternative<DinucleotideShuffles>(baseline);
}

/// Throws Error as attribute().
[[nodiscard]] Setup set_up(const Model::Impl& model, const Inputs& inputs, const Request& request,
                           const std::shared_ptr<kernels::Poll>& poll = nullptr);

}  // namespace mho::attribution
