// From what is fed to a Plan to the first values that something not affine reads.
#include "attribution/affine_stage.h"

#include <algorithm>
#include <cstring>

#include "engine/slots.h"

namespace mho::attribution {

std::int64_t ends_at_once(const Setup& setup, std::span<const graph::ValueId> values, bool one_baseline,
                          std::int64_t most_bytes) {
  constexpr std::int64_t kMost = 65;
  std::int64_t bytes = 1;
  for (const graph::ValueId id : values) bytes += static_cast<std::int64_t>(setup.graph->value(id).type.bytes());
  const std::int64_t ends = one_baseline ? setup.inputs.count + 1 : 2 * setup.inputs.count;
  return std::min(std::clamp<std::int64_t>(most_bytes / bytes, 2, kMost), ends);
}

AffineStage::AffineStage(const Setup& setup, const std::vector<graph::ValueId>& fed,
                         const std::vector<graph::ValueId>& values, bool one_baseline,
                         const engine::PlanOptions& options)
    : setup_(&setup), feed_count_(fed.size()), value_count_(values.size()) {
  constexpr std::int64_t kBytes = std::int64_t{4} << 20;
  const std::vector<bool> cut =
      setup.batched ? setup.network->cut_by_batch(values, setup.poll.get()) : std::vector<bool>{false};
  if (std::ranges::find(cut, false) == cut.end()) {
    std::vector<graph::ValueId> both = fed;
    both.insert(both.end(), values.begin(), values.end());
    batch_ = ends_at_once(setup, both, one_baseline, kBytes);
    paths_at_once_ = one_baseline ? std::max<std::int64_t>(1, batch_ - 1) : (batch_ + 1) / 2;
  }
  plan_ = setup.network->plans().lend(setup.network->graph(batch_), engine::PlanRequest{fed, values, {}, {}},
                                      setup.network->device(), options, setup.poll.get());
}

std::vector<std::vector<OwnedTensor>> AffineStage::run(std::span<const PathEnd> ends) const {
  std::vector<std::vector<OwnedTensor>> result;
  for (std::size_t first = 0; first < ends.size(); first += static_cast<std::size_t>(batch_)) {
    const std::size_t count = std::min(ends.size() - first, static_cast<std::size_t>(batch_));
    for (std::int64_t s = 0; s < batch_; ++s) {  // those left over repeat the last: what lies there may be no index
      const PathEnd& end = ends[first + std::min(static_cast<std::size_t>(s), count - 1)];
      for (std::size_t i = 0; i < feed_count_; ++i) {
        const OwnedTensor& value = (*end)[i];
        std::memcpy(engine::slot_of(plan_->feed(i), s, batch_).data, value.view().data, value.type().bytes());
      }
    }
    plan_->forward(setup_->poll.get());
    for (std::size_t s = 0; s < count; ++s) {
      std::vector<OwnedTensor>& values = result.emplace_back();
      for (std::size_t i = 0; i < value_count_; ++i) {
        values.emplace_back(engine::slot_of(plan_->fetch(i), static_cast<std::int64_t>(s), batch_));
      }
    }
  }
  return result;
}

void AffineStage::grade(std::span<PathEnds> paths) const {
  std::vector<PathEnd> ends;  // paths may share x'
  const auto place = [&](const PathEnd& end) {
    return static_cast<std::size_t>(std::ranges::find(ends, end) - ends.begin());
  };
  for (const PathEnds& path : paths) {
    for (const PathEnd& end : {path.from, path.to}) {
      if (place(end) == ends.size()) ends.push_back(end);
    }
  }
  const auto values = run(ends);
  for (PathEnds& path : paths) {
    const auto& from = values[place(path.from)];
    const auto& to = values[place(path.to)];
    Reach reach;
    for (std::size_t i = 0; i < value_count_; ++i) reach.add(from[i].view(), to[i].view());
    path.grading = reach.grading();
  }
}

}  // namespace mho::attribution
