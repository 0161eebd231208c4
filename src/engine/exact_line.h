// The path integrals of one piecewise linear network, exactly: where its pieces meet, and the sums over the pieces.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/owned_tensor.h"
#include "engine/piecewise.h"
#include "kernels/device.h"
#include "kernels/poll.h"
#include "kernels/workspace.h"

namespace mho::engine {

struct ExactOptions {
  bool by_alpha = false;                            ///< integrals of g dalpha instead of g dy
  std::int64_t max_breakpoints = 20'000;            ///< Error(kLimit) with an estimate, beyond or foreseen
  std::int64_t memory = std::int64_t{512} << 20;    ///< bytes for values along the path, about
  std::function<void(std::int64_t)> progress = {};  ///< told how many more cells are done
  kernels::Poll* poll = nullptr;                    ///< asked before every operator
};

/// Along the straight path every tensor y of a piecewise linear network is affine in alpha between neighbouring
/// breakpoints of the nodes that make it (Sotoudeh and Thakur 2019, arXiv 1908.06214). So
///     integral of g dy = sum over those cells of (mean of g over the cell) * (y at its end - y at its beginning),
/// and the mean of g needs no more than one vector-Jacobian product for every cell of the node: where a node does not
/// bend, its vjp of a mean is the mean of its vjps.
class ExactLine {
 public:
  /// `device` computes in double. Throws Error(kUnsupported) as piecewise_network().
  ExactLine(PiecewiseRequest request, std::shared_ptr<kernels::Device> device, ExactOptions options);

  /// The integrals of F, the sum of weight * element of the target over `weights`, where the feeds go straight from
  /// `from` to `to` (those that do not move are taken from `to`). Throws Error(kLimit).
  void run(std::span<const OwnedTensor> from, std::span<const OwnedTensor> to,
           std::span<const std::pair<std::int64_t, double>> weights);
  /// Of the last run, per layer.
  [[nodiscard]] std::span<const double> values(std::size_t layer) { return sums_[layer].view().as<double>(); }
  /// 0, the breakpoints, and 1.
  [[nodiscard]] const std::vector<double>& alphas() const { return alphas_; }
  /// Points at which the last nodes were run; those in front of them were run at fewer.
  [[nodiscard]] std::int64_t evaluations() const { return evaluations_; }

 private:
  using Value = std::shared_ptr<OwnedTensor>;
  using Values = std::map<graph::ValueId, std::vector<Value>>;
  /// A part of the path in which every tensor known so far is affine between neighbouring points.
  struct Line {
    std::vector<double> alphas;
    Values values;  ///< one per alpha of every tensor that moves, is known, and is still read
    [[nodiscard]] std::size_t cells() const { return alphas.size() - 1; }
  };
  /// New points, one list for each cell of a line.
  using Points = std::vector<std::vector<double>>;

  [[nodiscard]] Values walk(Line line, std::size_t first, bool bent);
  [[nodiscard]] Points breakpoints(const Line& line, const PiecewiseStep& step, kernels::Workspace& workspace) const;
  [[nodiscard]] Values divide(const Line& line, const Points& points, std::size_t step);
  [[nodiscard]] Line refine(const Line& line, const Points& points, std::size_t step) const;
  [[nodiscard]] Line part(const Line& line, std::size_t first, std::size_t last, std::size_t step) const;
  void add_mean(const Values& fine, std::size_t fine_cell, double weight, std::size_t cell, std::size_t cells,
                Values& coarse) const;
  void compute(Line& line, std::size_t step);
  [[nodiscard]] Values begin_backward(const Line& line);
  void backward(const Line& line, std::size_t step, Values& gradients);
  void add_to_layer(graph::ValueId id, const Line& line, const Values& gradients);
  void run_still(std::span<const OwnedTensor> feeds);
  /// The tensors that `node` reads at `line.alphas[point]`.
  [[nodiscard]] std::vector<kernels::Tensor> inputs(const graph::Node& node, const Line& line, std::size_t point) const;
  [[nodiscard]] Value tensor(graph::ValueId id) const;
  /// Counts breakpoints on samples of the path, and refuses where they say that there are too many by far.
  void estimate(const Line& ends);
  /// `found` of them lie on `share` of the path; all take `seconds`, unless that is unknown (0).
  [[noreturn]] void refuse(double found, double share, double seconds) const;

  PiecewiseRequest request_;
  std::shared_ptr<kernels::Device> device_;
  ExactOptions options_;
  PiecewiseNetwork network_;
  kernels::Scratch scratch_;
  std::vector<kernels::Workspace> workspaces_;  ///< per step
  std::vector<std::size_t> last_read_;          ///< per value: the last step that reads it, forward
  std::vector<bool> kept_;                      ///< per value: read by the way back, too
  std::vector<std::ptrdiff_t> layer_of_;        ///< per value, -1: none
  std::size_t most_points_ = 0;                 ///< of a line
  std::vector<kernels::Tensor> fixed_;          ///< per value: of those that do not move
  std::vector<Value> fixed_memory_;
  Value seed_;
  std::vector<OwnedTensor> sums_;
  std::vector<double> alphas_;
  std::int64_t evaluations_ = 0;
  bool counting_ = false;  ///< estimate() is at work: no way back, no results
  double counted_ = 0;     ///< cells that it has found
  double started_ = 0;     ///< seconds
};

}  // namespace mho::engine
