// What a caller hears of a long run, and how a caller ends it.
#include "attribution/progress.h"

namespace mho::attribution {

std::shared_ptr<kernels::Poll> watch(Request& request) {
  if (!request.progress) return nullptr;
  const auto last = std::make_shared<Progress>();
  const auto told = std::move(request.progress);
  request.progress = [told, last](const Progress& progress) { return told(*last = progress); };
  return std::make_shared<kernels::Poll>([told, last] { return told(*last); });
}

void ProgressReport::report(std::int64_t examples_done, std::int64_t new_evaluations) {
  evaluations_ += new_evaluations;
  if (request_->progress && !request_->progress({examples_done, examples_, evaluations_})) {
    throw Error(Code::kCancelled, "cancelled");
  }
}

}  // namespace mho::attribution
