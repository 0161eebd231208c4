// Plans kept for the next request of the same kind: making one packs weights and prepares primitives.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "engine/plan.h"

namespace mho::engine {

class PlanCache {
 public:
  PlanCache();
  ~PlanCache();
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  /// A Plan for this request, lent to one user at a time: it comes back when the pointer dies, and stays while idle
  /// Plans take no more than 256 MiB. What was written to it before is still there. Plans with rules of the user's are
  /// never kept. Throws what Plan throws.
  [[nodiscard]] std::shared_ptr<Plan> lend(const std::shared_ptr<const Graph>& graph, const PlanRequest& request,
                                           const std::shared_ptr<kernels::Device>& device, const PlanOptions& options,
                                           Poll* poll = nullptr) const;

 private:
  struct Idle;
  std::shared_ptr<Idle> idle_;
};

}  // namespace mho::engine
