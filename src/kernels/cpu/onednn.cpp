// What every use of oneDNN shares.
#include "kernels/cpu/onednn.h"

#include <mho/error.h>

#include <algorithm>
#include <array>

namespace mho::kernels::cpu {

using dnnl::memory;

memory::desc describe(const TensorType& type) {
  using Tag = memory::format_tag;
  if (type.layout == Layout::blocked) {
    constexpr std::array kTags{Tag::nCw16c, Tag::nChw16c, Tag::nCdhw16c};
    return {type.shape, memory::data_type::f32, kTags.at(type.shape.size() - 3)};
  }
  memory::dims strides(type.shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = type.shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= type.shape[axis];
  }
  return {type.shape, memory::data_type::f32, strides};
}

memory::desc describe_channels_last(const TensorType& type) {
  using Tag = memory::format_tag;
  constexpr std::array kTags{Tag::nwc, Tag::nhwc, Tag::ndhwc};
  return {type.shape, memory::data_type::f32, kTags.at(type.shape.size() - 3)};
}

bool is_memory_of(const TensorType& type, const memory::desc& md) {
  if (describe(type) == md) return true;
  return type.layout == Layout::blocked && type.shape[1] == kChannelBlock && describe_channels_last(type) == md;
}

memory::desc describe_any(const Shape& shape) { return {shape, memory::data_type::f32, memory::format_tag::any}; }

Call::Call(const dnnl::engine& engine, const dnnl::primitive& primitive, const memory::desc& scratchpad)
    : engine_(engine), stream_(engine), primitive_(primitive) {
  const std::size_t bytes = scratchpad.get_size();
  scratchpad_floats_ = static_cast<std::int64_t>((bytes + sizeof(float) - 1) / sizeof(float));
  if (bytes > 0) declare(DNNL_ARG_SCRATCHPAD, scratchpad);
}

Call::Call(const dnnl::engine& engine, const memory::desc& from, const memory::desc& to)
    : engine_(engine), stream_(engine) {
  const dnnl::reorder::primitive_desc pd(engine, from, engine, to, with_user_scratchpad());
  *this = Call(engine, dnnl::reorder(pd), pd.scratchpad_desc());
  declare(DNNL_ARG_FROM, from);
  declare(DNNL_ARG_TO, to);
}

void Call::declare(int argument, const memory::desc& md) {
  memories_.push_back(memory(md, engine_, DNNL_MEMORY_NONE));
  arguments_.push_back({argument, memories_.back().get()});
}

void Call::set(int argument, const void* data) {
  const auto known = std::ranges::find(arguments_, argument, &dnnl_exec_arg_t::arg);
  if (known == arguments_.end()) throw Error(Code::kInternal, "an argument that was not declared");
  // oneDNN takes mutable pointers for inputs too.
  memories_[static_cast<std::size_t>(known - arguments_.begin())].set_data_handle(const_cast<void*>(data));
}

void Call::run(Workspace& workspace) {
  if (scratchpad_floats_ > 0) {
    set(DNNL_ARG_SCRATCHPAD, workspace.temporary({DType::f32, {scratchpad_floats_}, Layout::plain}).data);
  }
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data()),
      "oneDNN could not run a primitive");
  stream_.wait();
}

void Call::run(Workspace& workspace, const void* from, void* to) {
  set(DNNL_ARG_FROM, from);
  set(DNNL_ARG_TO, to);
  run(workspace);
}

dnnl::primitive_attr with_user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

float* temporary(Workspace& workspace, const memory::desc& md) {
  const auto floats = static_cast<std::int64_t>((md.get_size() + sizeof(float) - 1) / sizeof(float));
  return workspace.temporary({DType::f32, {floats}, Layout::plain}).as<float>().data();
}

}  // namespace mho::kernels::cpu
