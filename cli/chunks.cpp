// The examples of a run in chunks: inputs are read, targets and baselines cut, for one chunk at a time.
#include "chunks.h"

#include <fmt/format.h>
#include <mho/parts.h>

#include <algorithm>

#include "baselines.h"
#include "prepare.h"
#include "targets.h"

namespace mho::cli {

namespace {

/// Numbers as an array, to be summed up.
template <class T>
Inputs as_inputs(const std::vector<T>& values) {
  return {{"values", Array({static_cast<std::int64_t>(values.size())}, values)}};
}

std::uint32_t checksum_of(const Target& target) {
  std::vector<std::int64_t> numbers;
  const auto add = [&](const std::vector<std::int64_t>& index) {
    numbers.push_back(static_cast<std::int64_t>(index.size()));
    numbers.insert(numbers.end(), index.begin(), index.end());
  };
  if (const auto* rows = std::get_if<IndexTarget>(&target)) {
    for (const auto& index : rows->indices) add(index);
  } else if (const auto* difference = std::get_if<DifferenceTarget>(&target)) {
    add(difference->plus);
    add(difference->minus);
  } else if (const auto* weighted = std::get_if<WeightedTarget>(&target)) {
    return io::checksum(as_inputs(weighted->weights));
  }
  return io::checksum(as_inputs(numbers));
}

}  // namespace

Chunks::Chunks(const AttributeArguments& arguments, const std::vector<Port>& ports,
               const std::vector<std::string>& labels, Request& request)
    : ports_(ports) {
  std::vector<NamedText> named;
  for (const std::string& input : arguments.inputs) named.push_back(parse_named(input, ports));
  sources_ = open_sources(named, ports, arguments.pictures);
  names_ = example_names(sources_, ports);
  count_ = 1;
  bool found = false;
  for (const Port& port : ports) {
    const auto it = sources_.find(port.name);
    if (it == sources_.end() || !has_example_axis(port, it->second.shape)) continue;
    if (found && it->second.shape[0] != count_ && it->second.shape[0] != 1) {
      throw Error(Code::kInvalidArgument, fmt::format("input '{}' has {} examples where others have {}", port.name,
                                                      it->second.shape[0], count_));
    }
    if (!found) count_ = it->second.shape[0];
    found = true;
  }
  range_ = limit(parse_examples(arguments.examples.empty() ? ":" : arguments.examples), count_);
  request.target = parse_target(arguments.target, labels);
  keep_examples(request.target, range_, count_);
  target_ = request.target;
  read_baseline(arguments, request);
}

void Chunks::read_baseline(const AttributeArguments& arguments, Request& request) {
  if (arguments.shuffles) {
    request.baseline = DinucleotideShuffles{*arguments.shuffles, arguments.seed};
  } else if (!arguments.references.empty()) {
    request.baseline = ReferenceSet{read_references(arguments, ports_)};
  } else {
    request.baseline =
        cli::read_baseline(arguments.baselines, with_tensors(ports_, arguments.at), inputs(0, 1), arguments.pictures);
  }
  if (std::holds_alternative<MeanBaseline>(request.baseline)) request.baseline = mean();
  baseline_ = request.baseline;
}

bool Chunks::has_examples(const std::string& input, const Shape& shape) const {
  const auto port = std::ranges::find(ports_, input, &Port::name);
  return port != ports_.end() && has_example_axis(*port, shape) && shape[0] == count_;
}

Inputs Chunks::inputs(std::int64_t first, std::int64_t last) const {
  Inputs part;
  for (const auto& [name, source] : sources_) {
    part.emplace(name, has_examples(name, source.shape) ? source.read(range_.first + first, range_.first + last)
                                                        : read_all(source));
  }
  return part;
}

std::vector<std::string> Chunks::names(std::int64_t first, std::int64_t last) const {
  if (static_cast<std::int64_t>(names_.size()) != count_) return {};
  const auto begin = names_.begin() + range_.first;
  return {begin + first, begin + last};
}

void Chunks::cut(std::int64_t first, std::int64_t last, Request& request) const {
  const auto* rows = std::get_if<IndexTarget>(&target_);
  if (rows != nullptr && rows->indices.size() > 1) {
    request.target = IndexTarget{{rows->indices.begin() + first, rows->indices.begin() + last}};
  }
  const auto* arrays = std::get_if<Inputs>(&baseline_);
  if (arrays == nullptr || count_ == 1) return;
  Inputs part;
  for (const auto& [name, array] : *arrays) {
    const bool each = has_examples(name, array.shape());
    part.emplace(name, each ? in_memory(array).read(range_.first + first, range_.first + last) : array);
  }
  request.baseline = std::move(part);
}

Inputs Chunks::mean() const {
  if (sources_.size() != 1) {
    throw Error(Code::kInvalidArgument,
                "-b mean of a model with several inputs is not computed chunk by chunk; give "
                "-b NAME=FILE");
  }
  const auto& [name, source] = *sources_.begin();
  if (source.dtype != DType::f32 && source.dtype != DType::f64) {
    throw Error(Code::kInvalidArgument,
                fmt::format("the mean of integer input '{}' is no integer: give a number or an array", name));
  }
  constexpr std::int64_t kBytes = std::int64_t{64} << 20;
  Shape shape = source.shape;
  if (!has_examples(name, shape)) return {{name, read_all(source)}};
  shape[0] = 1;
  Array sum(DType::f64, shape);
  const std::int64_t step = std::max<std::int64_t>(1, kBytes / std::max<std::int64_t>(1, sum.size() * 8));
  for (std::int64_t first = 0; first < examples(); first += step) {
    const Array part = inputs(first, std::min(examples(), first + step)).at(name).to(DType::f64);
    const auto into = sum.as<double>();
    const auto values = part.as<double>();
    for (std::size_t i = 0; i < values.size(); ++i) into[i % into.size()] += values[i];
  }
  for (double& value : sum.as<double>()) value /= static_cast<double>(examples());
  return {{name, sum}};
}

std::map<std::string, std::string> Chunks::checksums() const {
  std::map<std::string, std::string> sums;
  sums["target data"] = fmt::format("{:08x}", checksum_of(target_));
  if (const auto* arrays = std::get_if<Inputs>(&baseline_)) {
    sums["baseline data"] = fmt::format("{:08x}", io::checksum(*arrays));
  } else if (const auto* set = std::get_if<ReferenceSet>(&baseline_)) {
    sums["reference data"] = fmt::format("{:08x}", io::checksum(set->references));
  }
  return sums;
}

std::uint32_t Chunks::sample() const {
  constexpr std::int64_t kMost = 8;
  const std::int64_t count = std::min(examples(), kMost);
  std::vector<std::int64_t> numbers = {examples()};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t example = count == 1 ? 0 : (examples() - 1) * i / (count - 1);
    numbers.push_back(io::checksum(inputs(example, example + 1)));
  }
  return std::max<std::uint32_t>(1, io::checksum(as_inputs(numbers)));
}

}  // namespace mho::cli
