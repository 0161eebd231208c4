// A model run without any optimisation, one example at a time.
#pragma once

#include <mho/model.h>

#include <map>
#include <memory>
#include <string>

#include "attribution/model_impl.h"
#include "hostile/attempt.h"

namespace mho::testing {

class PlainRun {
 public:
  /// Throws Error as Model::run. `inputs` must outlive this.
  PlainRun(const Model& model, const Inputs& inputs, Precision precision);

  [[nodiscard]] double flops() const { return flops_; }
  [[nodiscard]] Outputs run() const;
  /// The largest magnitude of any tensor in run(), infinity where one is not finite.
  [[nodiscard]] double largest() const { return largest_; }

 private:
  Model model_;
  attribution::Examples examples_;
  std::shared_ptr<const engine::Network> network_;
  double flops_ = 0;
  mutable double largest_ = 0;
};

}  // namespace mho::testing
