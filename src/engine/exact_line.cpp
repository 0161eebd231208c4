// Exact path integrals: nodes one after the other, lines cut where a node bends, and the gradients on the way back.
#include "engine/exact_line.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace mho::engine {

using graph::Graph;
using graph::index;
using graph::Node;
using graph::ValueId;
using kernels::DType;
using kernels::Tensor;
using kernels::TensorType;
using kernels::Workspace;
using primitives::Exec;

namespace {

/// Points of the path that are closer than this are the same to rounding.
constexpr double kResolution = 1e-14;
/// A line shorter than this would be cut up for nothing.
constexpr std::int64_t kFewestPoints = 8;
constexpr std::int64_t kMostPoints = 64;
/// The estimate: so many windows, as wide as lets them have so many breakpoints together where as many as are allowed
/// are spread evenly; by how much more there must be; and what a point costs with the way back, in forward runs.
constexpr std::int64_t kWindows = 16;
constexpr double kSample = 100;
constexpr double kCertainly = 1.5;
constexpr double kWholeCost = 2.5;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// y = a + t (b - a), and a where both are equal, infinite or not.
void interpolate(const Tensor& a, const Tensor& b, double t, const Tensor& y) {
  const auto from = a.as<double>();
  const auto to = b.as<double>();
  const auto at = y.as<double>();
  for (std::size_t i = 0; i < at.size(); ++i) {
    at[i] = from[i] == to[i] ? from[i] : (1 - t) * from[i] + t * to[i];
  }
}

std::vector<Tensor> views(std::span<const OwnedTensor> tensors) {
  std::vector<Tensor> result;
  for (const OwnedTensor& tensor : tensors) result.push_back(tensor.view());
  return result;
}

}  // namespace

ExactLine::ExactLine(PiecewiseRequest request, std::shared_ptr<kernels::Device> device, ExactOptions options)
    : request_(std::move(request)),
      device_(std::move(device)),
      options_(std::move(options)),
      network_(piecewise_network(request_, *device_)) {
  const Graph& graph = *request_.graph;
  layer_of_.assign(graph.value_count(), -1);
  for (const ValueId id : request_.layers) {
    layer_of_[index(id)] = static_cast<std::ptrdiff_t>(sums_.size());
    sums_.emplace_back(TensorType{DType::f64, graph.value(id).type.shape});
  }
  last_read_.assign(graph.value_count(), 0);
  kept_.assign(graph.value_count(), false);
  kept_[index(request_.target)] = true;
  std::int64_t bytes = 1;
  for (std::size_t n = 0; n < network_.steps.size(); ++n) {
    const PiecewiseStep& step = network_.steps[n];
    workspaces_.emplace_back(scratch_);
    for (std::size_t i = 0; i < step.node->inputs.size(); ++i) {
      const std::size_t in = index(step.node->inputs[i]);
      last_read_[in] = n;
      if (step.moves[i] && (step.middle_inputs || step.middle_outputs)) kept_[in] = true;
    }
    for (const ValueId id : step.node->outputs) {
      bytes += 8 * graph.value(id).type.elements();
    }
  }
  for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i] = kept_[i] || layer_of_[i] >= 0;
  // Every node's line may be there at once, with the pieces that it was cut into and their gradients.
  most_points_ = static_cast<std::size_t>(std::clamp(options_.memory / (4 * bytes), kFewestPoints, kMostPoints));
}

void ExactLine::run(std::span<const OwnedTensor> from, std::span<const OwnedTensor> to,
                    std::span<const std::pair<std::int64_t, double>> weights) {
  started_ = seconds();
  alphas_ = {0};
  evaluations_ = 0;
  for (OwnedTensor& sum : sums_) device_->fill(sum.view(), 0);
  run_still(to);
  seed_ = tensor(request_.target);
  for (const auto& [element, weight] : weights) {
    seed_->view().as<double>()[static_cast<std::size_t>(element)] += weight;
  }
  Line line{{0, 1}, {}};
  for (std::size_t i = 0; i < request_.feeds.size(); ++i) {
    const ValueId id = request_.feeds[i];
    if (!network_.needed[index(id)] || std::ranges::find(request_.moving, id) == request_.moving.end()) continue;
    line.values[id] = {std::make_shared<OwnedTensor>(from[i].view()), std::make_shared<OwnedTensor>(to[i].view())};
  }
  const Line ends = line;
  estimate(ends);
  started_ = seconds();
  const Values gradients = walk(std::move(line), 0, false);
  for (const auto& [id, values] : ends.values) add_to_layer(id, ends, gradients);
}

/// Gradients, per cell of `line`, of all its tensors that layers need: means over the cell. `bent`: step `first` bends
/// at points of the line only.
ExactLine::Values ExactLine::walk(Line line, std::size_t first, bool bent) {
  std::size_t n = first;
  Values gradients;
  for (; n < network_.steps.size(); ++n) {
    const PiecewiseStep& step = network_.steps[n];
    if (!step.affine && step.node->inputs.size() == 1) {
      for (const Value& value : line.values.at(step.node->inputs[0])) {
        rest_on_kinks(*step.node->primitive, value->view());
      }
    }
    if (!step.affine && !(bent && n == first)) {
      const Points points = breakpoints(line, step, workspaces_[n]);
      if (std::ranges::any_of(points, [](const auto& cell) { return !cell.empty(); })) {
        gradients = divide(line, points, n);
        break;
      }
    }
    compute(line, n);
  }
  if (counting_) {
    counted_ += n == network_.steps.size() ? static_cast<double>(line.cells()) : 0;
    return {};
  }
  if (n == network_.steps.size()) gradients = begin_backward(line);
  while (n-- > first) backward(line, n, gradients);
  return gradients;
}

ExactLine::Points ExactLine::breakpoints(const Line& line, const PiecewiseStep& step, Workspace& workspace) const {
  Points points(line.cells());
  std::size_t count = 0;
  for (std::size_t c = 0; c < line.cells(); ++c) {
    workspace.begin();
    Exec exec{*device_, workspace};
    std::vector<double>& at = points[c];
    step.node->primitive->kinks(exec, {inputs(*step.node, line, c), inputs(*step.node, line, c + 1)}, at);
    const double from = line.alphas[c];
    const double to = line.alphas[c + 1];
    for (double& t : at) t = from + t * (to - from);
    std::ranges::sort(at);
    double last = from;
    std::erase_if(at, [&](double alpha) {
      if (alpha - last < kResolution || to - alpha < kResolution) return true;
      last = alpha;
      return false;
    });
    count += at.size();
  }
  if (count > static_cast<std::size_t>(options_.max_breakpoints)) {
    refuse(static_cast<double>(count), line.alphas.back() - line.alphas.front(), 0);
  }
  return points;
}

ExactLine::Values ExactLine::divide(const Line& line, const Points& points, std::size_t step) {
  const std::size_t cells = line.cells();
  std::size_t all = line.alphas.size();
  for (const std::vector<double>& cell : points) all += cell.size();
  Values coarse;
  if (all <= most_points_) {
    Line fine = refine(line, points, step);
    const std::vector<double> alphas = fine.alphas;
    const Values gradients = walk(std::move(fine), step, true);
    std::size_t f = 0;
    for (std::size_t c = 0; c < cells; ++c) {
      const double width = line.alphas[c + 1] - line.alphas[c];
      for (std::size_t k = 0; k <= points[c].size(); ++k, ++f) {
        add_mean(gradients, f, (alphas[f + 1] - alphas[f]) / width, c, cells, coarse);
      }
    }
    return coarse;
  }
  if (cells > 1) {  // too many for one line: the halves after each other
    const std::size_t middle = cells / 2;
    for (const auto& [first, last] : {std::pair{std::size_t{0}, middle}, std::pair{middle, cells}}) {
      const Values gradients = walk(part(line, first, last, step), step, false);
      for (std::size_t c = first; c < last; ++c) add_mean(gradients, c - first, 1, c, cells, coarse);
    }
    return coarse;
  }
  // One cell: pieces of it, each with about as many breakpoints as fit half a line.
  const std::vector<double>& cell = points.front();
  const std::size_t pieces = std::clamp<std::size_t>(2 * cell.size() / most_points_, 2, most_points_);
  Points cuts(1);
  for (std::size_t i = 1; i < pieces; ++i) cuts[0].push_back(cell[i * cell.size() / pieces]);
  const Line fine = refine(line, cuts, step);
  for (std::size_t i = 0; i < fine.cells(); ++i) {
    const double weight = (fine.alphas[i + 1] - fine.alphas[i]) / (line.alphas[1] - line.alphas[0]);
    add_mean(walk(part(fine, i, i + 1, step), step, false), 0, weight, 0, 1, coarse);
  }
  return coarse;
}

/// The line with more points, for `step` and those behind it. Its tensors are affine inside its cells, so that nothing
/// is run.
ExactLine::Line ExactLine::refine(const Line& line, const Points& points, std::size_t step) const {
  Line fine;
  for (const auto& [id, values] : line.values) {
    if (last_read_[index(id)] < step) continue;
    std::vector<Value>& all = fine.values[id];
    for (std::size_t c = 0; c < line.cells(); ++c) {
      all.push_back(values[c]);
      const double from = line.alphas[c];
      const double width = line.alphas[c + 1] - from;
      for (const double alpha : points[c]) {
        all.push_back(tensor(id));
        interpolate(values[c]->view(), values[c + 1]->view(), (alpha - from) / width, all.back()->view());
      }
    }
    all.push_back(values.back());
  }
  for (std::size_t c = 0; c < line.cells(); ++c) {
    fine.alphas.push_back(line.alphas[c]);
    fine.alphas.insert(fine.alphas.end(), points[c].begin(), points[c].end());
  }
  fine.alphas.push_back(line.alphas.back());
  return fine;
}

/// Cells `first` to `last` (exclusive) of the line, likewise.
ExactLine::Line ExactLine::part(const Line& line, std::size_t first, std::size_t last, std::size_t step) const {
  const auto cut = [&](const auto& all) {
    return std::vector(all.begin() + static_cast<std::ptrdiff_t>(first),
                       all.begin() + static_cast<std::ptrdiff_t>(last + 1));
  };
  Line piece{cut(line.alphas), {}};
  for (const auto& [id, values] : line.values) {
    if (last_read_[index(id)] >= step) piece.values[id] = cut(values);
  }
  return piece;
}

/// coarse[cell] += weight * fine[fine_cell], tensor by tensor.
void ExactLine::add_mean(const Values& fine, std::size_t fine_cell, double weight, std::size_t cell, std::size_t cells,
                         Values& coarse) const {
  for (const auto& [id, gradients] : fine) {
    std::vector<Value>& sums = coarse[id];
    sums.resize(cells);
    if (!sums[cell]) sums[cell] = tensor(id);
    device_->accumulate(weight, gradients[fine_cell]->view(), sums[cell]->view());
  }
}

void ExactLine::compute(Line& line, std::size_t n) {
  const PiecewiseStep& step = network_.steps[n];
  const Node& node = *step.node;
  std::vector<OwnedTensor> saved(step.saved.begin(), step.saved.end());
  const std::vector<Tensor> saved_views = views(saved);
  for (const ValueId id : node.outputs) line.values[id].reserve(line.alphas.size());
  std::vector<Tensor> outputs;
  for (std::size_t k = 0; k < line.alphas.size(); ++k) {
    outputs.clear();
    for (const ValueId id : node.outputs) {
      line.values[id].push_back(tensor(id));
      outputs.push_back(line.values[id].back()->view());
    }
    workspaces_[n].begin(options_.poll);
    Exec exec{*device_, workspaces_[n]};
    node.primitive->forward(exec, inputs(node, line, k), outputs, saved_views);
  }
  const auto done = [&](ValueId id) { return last_read_[index(id)] <= n && !kept_[index(id)]; };
  for (const ValueId id : node.inputs) {
    if (done(id)) line.values.erase(id);
  }
  for (const ValueId id : node.outputs) {
    if (done(id)) line.values.erase(id);
  }
}

ExactLine::Values ExactLine::begin_backward(const Line& line) {
  alphas_.insert(alphas_.end(), line.alphas.begin() + 1, line.alphas.end());
  evaluations_ += static_cast<std::int64_t>(line.alphas.size());
  if (options_.progress) options_.progress(static_cast<std::int64_t>(line.alphas.size()));
  const auto found = static_cast<std::int64_t>(alphas_.size()) - 2;
  if (found > options_.max_breakpoints) {
    refuse(static_cast<double>(found), line.alphas.back(), (seconds() - started_) / line.alphas.back());
  }
  Values gradients;
  gradients[request_.target].assign(line.cells(), seed_);
  return gradients;
}

void ExactLine::backward(const Line& line, std::size_t n, Values& gradients) {
  const PiecewiseStep& step = network_.steps[n];
  const Node& node = *step.node;
  kernels::Device& device = *device_;
  for (const ValueId id : node.outputs) add_to_layer(id, line, gradients);
  const bool wanted = std::ranges::find(step.wanted, true) != step.wanted.end();
  std::vector<OwnedTensor> saved(step.saved.begin(), step.saved.end());
  const std::vector<Tensor> saved_views = views(saved);
  for (std::size_t c = 0; c < line.cells() && wanted; ++c) {
    // A cell's middle says which piece it is.
    std::vector<Tensor> at;
    std::vector<OwnedTensor> middle;
    middle.reserve(node.inputs.size() + node.outputs.size());
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (!step.moves[i]) {
        at.push_back(fixed_[index(id)]);
        continue;
      }
      const TensorType type = on_device(request_.graph->value(id).type, device);
      if (!step.middle_inputs && !step.middle_outputs) {
        at.push_back({type, nullptr, false});
        continue;
      }
      middle.emplace_back(type);
      const std::vector<Value>& ends = line.values.at(id);
      interpolate(ends[c]->view(), ends[c + 1]->view(), 0.5, middle.back().view());
      at.push_back(middle.back().view());
    }
    std::vector<Tensor> outputs, output_gradients, input_gradients;
    for (const ValueId id : node.outputs) {
      const TensorType type = on_device(request_.graph->value(id).type, device);
      if (step.middle_outputs) middle.emplace_back(type);
      outputs.push_back(step.middle_outputs ? middle.back().view() : Tensor{type, nullptr, false});
      std::vector<Value>& all = gradients[id];
      all.resize(line.cells());
      if (!all[c]) all[c] = tensor(id);
      output_gradients.push_back(all[c]->view());
    }
    workspaces_[n].begin(options_.poll);
    Exec exec{device, workspaces_[n]};
    if (step.middle_outputs) {
      node.primitive->forward(exec, at, outputs, saved_views);
      workspaces_[n].begin(options_.poll);
    }
    std::vector<Value> parts(node.inputs.size());
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (step.wanted[i]) parts[i] = tensor(node.inputs[i]);
      input_gradients.push_back(
          parts[i] ? parts[i]->view()
                   : Tensor{on_device(request_.graph->value(node.inputs[i]).type, device), nullptr, false});
    }
    node.primitive->vjp(exec, {at, outputs, saved_views, output_gradients, input_gradients});
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!parts[i]) continue;
      std::vector<Value>& all = gradients[node.inputs[i]];
      all.resize(line.cells());
      if (all[c]) {
        device.add_into(workspaces_[n], parts[i]->view(), all[c]->view());
      } else {
        all[c] = std::move(parts[i]);
      }
    }
  }
  for (const ValueId id : node.outputs) gradients.erase(id);
}

/// Of a tensor whose cells are those of the line.
void ExactLine::add_to_layer(ValueId id, const Line& line, const Values& gradients) {
  const std::ptrdiff_t layer = layer_of_[index(id)];
  const auto found = gradients.find(id);
  if (layer < 0 || found == gradients.end()) return;
  kernels::Device& device = *device_;
  const Tensor sum = sums_[static_cast<std::size_t>(layer)].view();
  for (std::size_t c = 0; c < line.cells(); ++c) {
    const Tensor gradient = found->second[c]->view();
    if (options_.by_alpha) {
      device.accumulate(line.alphas[c + 1] - line.alphas[c], gradient, sum);
    } else {
      const std::vector<Value>& y = line.values.at(id);
      device.accumulate_path(1, gradient, 0, {}, y[c]->view(), y[c + 1]->view(), sum);
    }
  }
}

/// Everything that stays as it is at x.
void ExactLine::run_still(std::span<const OwnedTensor> feeds) {
  const Graph& graph = *request_.graph;
  fixed_.assign(graph.value_count(), {});
  fixed_memory_.clear();
  for (std::size_t i = 0; i < network_.constants.size(); ++i) {
    if (network_.constants[i].data) fixed_[i] = network_.constants[i].view();
  }
  const auto keep = [&](ValueId id, Value value) {
    fixed_[index(id)] = value->view();
    fixed_memory_.push_back(std::move(value));
  };
  for (std::size_t i = 0; i < request_.feeds.size(); ++i) {
    keep(request_.feeds[i], std::make_shared<OwnedTensor>(feeds[i].view()));
  }
  for (const Node* node : network_.still) {
    std::vector<Tensor> in, out;
    for (const ValueId id : node->inputs) in.push_back(fixed_[index(id)]);
    for (const ValueId id : node->outputs) {
      keep(id, tensor(id));
      out.push_back(fixed_[index(id)]);
    }
    std::vector<TensorType> inputs, outputs;
    for (const ValueId id : node->inputs) inputs.push_back(graph.value(id).type);
    for (const ValueId id : node->outputs) outputs.push_back(graph.value(id).type);
    std::vector<OwnedTensor> saved;
    for (const TensorType& type : node->primitive->saved(inputs, outputs)) {
      saved.emplace_back(on_device(type, *device_));
    }
    kernels::Scratch scratch;
    Workspace workspace(scratch);
    Exec exec{*device_, workspace};
    node->primitive->forward(exec, in, out, views(saved));
  }
}

std::vector<Tensor> ExactLine::inputs(const Node& node, const Line& line, std::size_t point) const {
  std::vector<Tensor> result;
  for (const ValueId id : node.inputs) {
    const auto moving = line.values.find(id);
    result.push_back(moving == line.values.end() ? fixed_[index(id)] : moving->second[point]->view());
  }
  return result;
}

ExactLine::Value ExactLine::tensor(ValueId id) const {
  return std::make_shared<OwnedTensor>(on_device(request_.graph->value(id).type, *device_));
}

void ExactLine::estimate(const Line& ends) {
  const auto allowed = static_cast<double>(options_.max_breakpoints);
  const double width = std::min(kSample / allowed, 1.0) / static_cast<double>(kWindows);
  const double most = kCertainly * std::min(kSample, allowed);
  counting_ = true;
  counted_ = 0;
  double covered = 0;
  double found = 0;
  for (std::int64_t i = 0; i < kWindows && found <= kCertainly * most; ++i) {
    const double middle = (static_cast<double>(i) + 0.5) / static_cast<double>(kWindows);
    const double from = middle - width / 2;
    const double to = middle + width / 2;
    std::vector<double> window;
    for (const double alpha : {from, to}) {
      if (alpha > kResolution && alpha < 1 - kResolution) window.push_back(alpha);
    }
    const std::size_t first = from > kResolution ? 1 : 0;
    static_cast<void>(walk(part(refine(ends, {window}, 0), first, first + 1, 0), 0, false));
    covered += width;
    found = counted_ - static_cast<double>(i + 1);
    if (options_.progress) options_.progress(0);
  }
  counting_ = false;
  if (found <= most) return;
  const double each = (seconds() - started_) / (counted_ + static_cast<double>(kWindows));
  refuse(found, covered, kWholeCost * each * found / covered);
}

void ExactLine::refuse(double found, double share, double seconds) const {
  const std::string time = seconds > 0 ? fmt::format(", which take about {:.2g} seconds", seconds) : " or more";
  throw Error(Code::kLimit,
              fmt::format("exact mode is allowed {} breakpoints for one example, and {} lie on {:.2g} % of the path: "
                          "about {:.2g} in all{}. Allow more (--max-breakpoints), or use a tolerance instead",
                          options_.max_breakpoints, found, 100 * share, found / share, time));
}

}  // namespace mho::engine
