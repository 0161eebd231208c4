// What a caller hears of a long run, and how a caller ends it.
#pragma once

#include <mho/attribution.h>

#include <memory>

#include "kernels/poll.h"

namespace mho::attribution {

/// From here on the request's progress function is called between operators, too, with what it was told last. Null
/// where there is no such function. The Poll is used on the calling thread.
[[nodiscard]] std::shared_ptr<kernels::Poll> watch(Request& request);

/// Reports after every micro-batch; throws Error(kCancelled) if the caller has had enough.
class ProgressReport {
 public:
  ProgressReport(const Request& request, std::int64_t examples) : request_(&request), examples_(examples) {}
  void report(std::int64_t examples_done, std::int64_t new_evaluations);

 private:
  const Request* request_;
  std::int64_t examples_;
  std::int64_t evaluations_ = 0;
};

}  // namespace mho::attribution
