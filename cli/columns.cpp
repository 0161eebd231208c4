// The per-example columns of a result, put together part by part.
#include "columns.h"

#include <algorithm>

namespace mho::cli {

void append_columns(Result& to, const Result& part, std::size_t most) {
  const auto append = [most](auto& column, const auto& more) {
    column.insert(column.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(std::min(most, more.size())));
  };
  append(to.f_input, part.f_input);
  append(to.f_baseline, part.f_baseline);
  append(to.target, part.target);
  append(to.evaluations, part.evaluations);
  append(to.steps, part.steps);
  append(to.converged, part.converged);
  append(to.names, part.names);
  for (std::size_t i = 0; i < to.layers.size(); ++i) {
    append(to.layers[i].residual, part.layers[i].residual);
    append(to.layers[i].cancellation, part.layers[i].cancellation);
    append(to.layers[i].estimated_error, part.layers[i].estimated_error);
  }
}

}  // namespace mho::cli
