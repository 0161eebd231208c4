// `mho attribute --aggregate`: means over the examples, attributed some at a time.
#pragma once

#include <mho/aggregate.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ranking.h"

namespace mho::cli {

struct Aggregated {
  DatasetMeans means;
  Result about;  ///< what every result tells of its examples; the values of its layers are the means, [1, shape...]
};

/// Attributes examples of which `first` come before.
using AttributeSome = std::function<Result(const Inputs& inputs, Request& request, std::int64_t first)>;

/// Over all examples of `inputs`, with memory for the values of some of them; of all, where their mean is the baseline.
[[nodiscard]] Aggregated aggregate_all(const Inputs& inputs, const Request& request, std::span<const Port> ports,
                                       bool per_class, const AttributeSome& attribute_some);

/// The `top` neurons of one layer with the largest mean magnitude.
[[nodiscard]] Ranking rank_means(const LayerMeans& layer, std::size_t top);

/// Per layer an array of its name, the mean, and `mho/mean_magnitude/<layer>`; per class `mho/class/<index>/<layer>`
/// and `mho/class/<index>/mean_magnitude/<layer>`; `mho/examples`; `mho/metadata`: JSON with what the run was, and how
/// many examples each class has.
void write_means(const std::string& path, const Aggregated& aggregated);

}  // namespace mho::cli
