// Model: loading, and facts about what was loaded.
#include "onnx/model.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <future>
#include <limits>

#include "onnx/lowerer.h"
#include "onnx/lowering.h"
#include "onnx/mapped_file.h"
#include "onnx/parse.h"
#include "onnx/sha256.h"
#include "onnx/tensor_data.h"
#include "onnx/verified.h"

namespace mho::onnx {

struct Model::Impl {
  std::shared_ptr<kernels::MemoryMeter> memory;
  ParsedModel parsed;
  std::shared_future<std::string> sha256;
  Limits limits;
};

namespace {

/// Of bytes that `owner` keeps, on a thread beside the others where there can be one.
std::shared_future<std::string> hash_of(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  return std::async([bytes, owner = std::move(owner)]() mutable {
           const auto until_here = std::move(owner);  // the future keeps this function
           return sha256(bytes);
         })
      .share();
}

}  // namespace

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model Model::load(const std::filesystem::path& path, const Limits& limits) {
  const auto file = MappedFile::open(path);
  std::filesystem::path directory = path.parent_path();
  if (directory.empty()) directory = ".";
  const std::string what = fmt::format("model '{}'", path.string());
  auto memory = std::make_shared<kernels::MemoryMeter>(limits.memory);
  auto hash = hash_of(file->bytes(), file);
  return Model(std::make_unique<Impl>(
      Impl{memory, onnx::parse(file->bytes(), directory, limits, memory, what), std::move(hash), limits}));
}

Model Model::parse(std::span<const std::byte> bytes, const std::filesystem::path& directory, const Limits& limits) {
  auto memory = std::make_shared<kernels::MemoryMeter>(limits.memory);
  auto hash = hash_of(bytes, nullptr);
  auto impl = std::make_unique<Impl>(
      Impl{memory, onnx::parse(bytes, directory, limits, memory, "model in memory"), std::move(hash), limits});
  impl->sha256.wait();  // the bytes are the caller's
  return Model(std::move(impl));
}

const std::vector<PortInfo>& Model::inputs() const { return impl_->parsed.inputs; }
const std::vector<PortInfo>& Model::outputs() const { return impl_->parsed.outputs; }
std::int64_t Model::ir_version() const { return impl_->parsed.proto->ir_version(); }
std::string Model::sha256() const { return impl_->sha256.get(); }
const std::shared_ptr<kernels::MemoryMeter>& Model::memory() const { return impl_->memory; }

std::int64_t Model::opset() const {
  const auto it = impl_->parsed.opsets.find("");
  return it == impl_->parsed.opsets.end() ? 0 : it->second;
}

std::string Model::producer() const {
  const auto& proto = *impl_->parsed.proto;
  return proto.producer_version().empty() ? proto.producer_name()
                                          : proto.producer_name() + " " + proto.producer_version();
}

std::size_t Model::node_count() const { return static_cast<std::size_t>(impl_->parsed.proto->graph().node_size()); }

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, constant] : impl_->parsed.graph.initializers) {
    if (constant.type.is_real()) count += constant.type.elements();
  }
  return count;
}

graph::Graph Model::specialize(const Specialization& specialization) const {
  return lower(impl_->parsed, impl_->limits, impl_->memory, specialization);
}

std::vector<OperatorFacts> supported_operators() {
  // An operator with several lowerings is supported since the first of them.
  std::map<std::pair<std::string, std::string>, std::int64_t> first;
  for (const Operator& entry : operators()) {
    const auto [it, is_new] = first.emplace(std::pair{std::string(entry.domain), std::string(entry.type)}, entry.since);
    if (!is_new) it->second = std::min(it->second, entry.since);
  }
  std::vector<OperatorFacts> facts;
  for (const auto& [key, since] : first) {
    OperatorFacts one{key.first, key.second, since};
    const std::string name = key.first.empty() ? key.second : key.first + ":" + key.second;
    const auto verified = std::ranges::find(verified_operators(), name, &Verified::name);
    if (verified != verified_operators().end()) {
      one.conformance = verified->conformance;
      one.gradient = verified->gradient;
      one.rule = verified->rule;
    }
    facts.push_back(std::move(one));
  }
  return facts;
}

Array read_tensor_proto(std::span<const std::byte> bytes) {
  ::onnx::TensorProto proto;
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(Code::kInvalidModel, "not a TensorProto, or truncated, or damaged");
  }
  kernels::MemoryShare uncounted;
  TensorReader reader(nullptr, {}, {}, uncounted);
  const kernels::Constant constant = reader.read(proto, fmt::format("tensor '{}'", proto.name()));
  Array array(constant.type.dtype, constant.type.shape);
  if (array.size() > 0) std::copy_n(constant.data.get(), constant.type.bytes(), array.bytes().data());
  return array;
}

}  // namespace mho::onnx
