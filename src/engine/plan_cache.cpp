// Plans kept for the next request of the same kind.
#include "engine/plan_cache.h"

#include <algorithm>

namespace mho::engine {

namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;
/// Each has its packed weights besides its arena.
constexpr std::size_t kMostPlans = 8;

struct Key {
  std::shared_ptr<const Graph> graph;  // kept alive, so that its address stays its own
  std::shared_ptr<kernels::Device> device;
  std::vector<std::vector<ValueId>> values;
  PlanOptions options;
  bool operator==(const Key&) const = default;
};

}  // namespace

struct PlanCache::Idle {
  struct Entry {
    Key key;
    std::unique_ptr<Plan> plan;
  };
  std::mutex mutex;
  std::list<Entry> entries;  // the last used first
};

PlanCache::PlanCache() : idle_(std::make_shared<Idle>()) {}
PlanCache::~PlanCache() = default;

std::shared_ptr<Plan> PlanCache::lend(const std::shared_ptr<const Graph>& graph, const PlanRequest& request,
                                      const std::shared_ptr<kernels::Device>& device, const PlanOptions& options,
                                      Poll* poll) const {
  if (request.rule_of || request.relevance_of) {
    return std::make_shared<Plan>(*graph, request, device, options, poll);
  }
  Key key{graph, device, {request.feeds, request.fetches, request.seeds, request.gradients, request.moving}, options};
  std::unique_ptr<Plan> plan;
  {
    const std::scoped_lock lock(idle_->mutex);
    const auto known = std::ranges::find(idle_->entries, key, &Idle::Entry::key);
    if (known != idle_->entries.end()) {
      plan = std::move(known->plan);
      idle_->entries.erase(known);
    }
  }
  if (!plan) plan = std::make_unique<Plan>(*graph, request, device, options, poll);
  // Whoever has the Plan may outlive the cache.
  const auto give_back = [idle = std::weak_ptr(idle_), key = std::move(key)](Plan* lent) noexcept {
    std::unique_ptr<Plan> back(lent);
    const auto home = idle.lock();
    if (!home) return;
    std::list<Idle::Entry> dropped;  // ends after the lock does
    const std::scoped_lock lock(home->mutex);
    home->entries.push_front({key, std::move(back)});
    std::size_t bytes = 0, count = 0;
    for (auto entry = home->entries.begin(); entry != home->entries.end();) {
      bytes += entry->plan->arena_bytes();
      const auto here = entry++;
      if (bytes > kMostBytes || ++count > kMostPlans) dropped.splice(dropped.end(), home->entries, here);
    }
  };
  return {plan.release(), give_back};
}

}  // namespace mho::engine
