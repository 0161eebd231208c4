// What every use of oneDNN shares: descriptors of our tensors, calls that are prepared once, weights packed once.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/cpu/onednn_compat.h"
#include "kernels/tensor.h"
#include "kernels/workspace.h"

namespace mho::kernels::cpu {

/// float32 memory of this type: row-major, or nC[[d]h]w16c where the type is blocked.
[[nodiscard]] dnnl::memory::desc describe(const TensorType& type);
/// float32 memory of this type with the channels last.
[[nodiscard]] dnnl::memory::desc describe_channels_last(const TensorType& type);
/// Whether `md` describes memory as a tensor of this type has it: blocks of all channels there are, are channels last.
[[nodiscard]] bool is_memory_of(const TensorType& type, const dnnl::memory::desc& md);
/// float32 memory of this shape whose layout oneDNN may choose.
[[nodiscard]] dnnl::memory::desc describe_any(const Shape& shape);

/// A primitive with its arguments. Only data handles change between runs.
class Call {
 public:
  Call() = default;
  Call(const dnnl::engine& engine, const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad);
  /// A reorder.
  Call(const dnnl::engine& engine, const dnnl::memory::desc& from, const dnnl::memory::desc& to);

  void declare(int argument, const dnnl::memory::desc& md);
  void set(int argument, const void* data);
  void run(Workspace& workspace);
  /// Runs a reorder.
  void run(Workspace& workspace, const void* from, void* to);

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t>
      arguments_;  ///< the same, as oneDNN takes them: its own list would be made anew each run
  std::int64_t scratchpad_floats_ = 0;
};

/// The attribute that lets us own the scratchpad memory.
[[nodiscard]] dnnl::primitive_attr with_user_scratchpad();
/// A temporary large enough for `md`.
[[nodiscard]] float* temporary(Workspace& workspace, const dnnl::memory::desc& md);

/// Constant weights in the layouts that primitives want, shared by all Workspaces of a device while any of them lives.
class PackedWeights {
 public:
  using Packed = std::shared_ptr<const dnnl::memory>;
  /// The weights at `data`, as `to`; `pack` fills the memory when nobody has them yet. `from` describes `data`, and
  /// `variant` tells apart packings that the descriptors do not.
  template <class Pack>
  Packed find_or_pack(const dnnl::engine& engine, const void* data, const dnnl::memory::desc& from,
                      const dnnl::memory::desc& to, std::int64_t variant, Pack&& pack) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(entries_, [](const Entry& entry) { return entry.packed.expired(); });
    for (const Entry& entry : entries_) {
      if (entry.data != data || entry.variant != variant || entry.from != from || entry.to != to) continue;
      if (Packed packed = entry.packed.lock()) return packed;
    }
    const auto packed = std::make_shared<dnnl::memory>(to, engine);
    pack(packed->get_data_handle());
    entries_.push_back({data, from, to, variant, packed});
    return packed;
  }

 private:
  struct Entry {
    const void* data;
    dnnl::memory::desc from, to;
    std::int64_t variant;
    std::weak_ptr<const dnnl::memory> packed;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace mho::kernels::cpu
