// Invariant: a Plan allocates nothing and makes no primitive after its first run, whatever operators it has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "counting.h"
#include "engine/plan.h"
#include "engine/slots.h"
#include "onnx/model.h"
#include "support/operator_cases.h"

namespace mho::engine {
namespace {

using mho::testing::Counting;
using mho::testing::Counts;
using mho::testing::OperatorCase;

/// One forward and, where there is a gradient, one backward run of one operator.
class Subject {
 public:
  Subject(const OperatorCase& one, const std::shared_ptr<kernels::Device>& device, bool multipliers) {
    const std::string bytes = one.model.serialized();
    const graph::Graph graph = onnx::Model::parse(std::as_bytes(std::span(bytes))).specialize({});
    PlanRequest request;
    request.feeds.assign(graph.inputs().begin(), graph.inputs().end());
    for (const ValueId id : graph.outputs()) {
      const bool repeated = std::ranges::find(request.fetches, id) != request.fetches.end();
      if (graph.is_constant(id) || repeated) continue;
      request.fetches.push_back(id);
      if (graph.value(id).type.is_real()) request.seeds.push_back(id);
    }
    for (const ValueId id : request.feeds) {
      if (!request.seeds.empty() && graph.value(id).type.is_real()) request.gradients.push_back(id);
    }
    if (request.gradients.empty()) request.seeds.clear();
    if (multipliers) request.moving = request.gradients;
    if (request.fetches.empty() || request.feeds.empty()) return;
    plan_.emplace(graph, request, device);
    device_ = device;
    for (std::size_t i = 0; i < request.feeds.size(); ++i) {
      const graph::Value& value = graph.value(request.feeds[i]);
      const auto given = one.values.find(value.name);
      Array array(DType::f64, value.type.shape);
      const auto range = one.ranges.find(value.name);
      const mho::testing::Range r = range == one.ranges.end() ? mho::testing::Range{} : range->second;
      double step = 0.37;
      for (double& v : array.as<double>()) {
        step = step > 0.9 ? step - 0.83 : step + 0.07;
        v = value.type.is_real() ? r.low + step * (r.high - r.low) : 0.0;
      }
      const Array& fed = given == one.values.end() ? array : given->second;
      fed_.push_back(fed.to(plan_->feed(i).dtype()));
    }
    multipliers_ = multipliers;
    gradients_ = !request.gradients.empty();
    seeds_ = request.seeds.size();
  }
  /// What a run is given may lie where it writes.
  void feed() {
    for (std::size_t i = 0; i < fed_.size(); ++i) {
      from_host(*device_, fed_[i], plan_->feed(i));
      if (multipliers_ && gradients_) from_host(*device_, fed_[i], plan_->reference_feed(i));
    }
    for (std::size_t i = 0; i < seeds_; ++i) device_->fill(plan_->seed(i), 1);
  }
  void run() {
    if (!plan_) return;
    if (multipliers_ && gradients_) plan_->forward_reference();
    plan_->forward();
    if (gradients_) plan_->backward();
  }

 private:
  std::shared_ptr<kernels::Device> device_;
  std::optional<Plan> plan_;
  std::vector<Array> fed_;
  std::size_t seeds_ = 0;
  bool multipliers_ = false;
  bool gradients_ = false;
};

void expect_none_after_the_first_run(const std::shared_ptr<kernels::Device>& device, bool multipliers) {
  for (const OperatorCase& one : mho::testing::operator_cases(1)) {
    if (multipliers && !one.has_rule) continue;
    Subject subject(one, device, multipliers);
    subject.feed();
    subject.run();
    subject.feed();
    const Counting counting;
    subject.run();
    const Counts counts = counting.so_far();
    EXPECT_EQ(counts.allocations, 0) << one.name;
    EXPECT_EQ(counts.primitives, 0) << one.name;
  }
}

TEST(Plans, AllocateNothingAfterTheirFirstRun) { expect_none_after_the_first_run(kernels::make_cpu_device(2), false); }
TEST(Plans, ForMultipliersAllocateNothingAfterTheirFirstRun) {
  expect_none_after_the_first_run(kernels::make_cpu_device(2), true);
}
TEST(Plans, InDoubleAllocateNothingAfterTheirFirstRun) {
  expect_none_after_the_first_run(kernels::make_reference_device(), false);
}
TEST(Plans, InDoubleForMultipliersAllocateNothingAfterTheirFirstRun) {
  expect_none_after_the_first_run(kernels::make_reference_device(), true);
}

}  // namespace
}  // namespace mho::engine
