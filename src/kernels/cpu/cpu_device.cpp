// The CPU device as a whole.
#include "kernels/cpu/cpu_device.h"

#include <cstring>

namespace mho::kernels {

CpuDevice::CpuDevice(const CpuOptions& options)
    : options_(options),
      threads_(options.threads > 0 ? options.threads : omp_get_num_procs()),
      bfloat16_(options.bfloat16 && cpu_has_bfloat16()),
      engine_(dnnl::engine::kind::cpu, 0) {}

std::vector<std::shared_ptr<Device>> CpuDevice::make_lanes() const {
  std::vector<std::shared_ptr<Device>> lanes;
  for (int lane = 0; threads_ > 1 && lane < threads_; ++lane) {
    CpuOptions options = options_;
    options.threads = 1;
    const auto device = std::make_shared<CpuDevice>(options);
    device->packed_ = packed_;
    device->set_meter(meter());
    lanes.push_back(device);
  }
  return lanes;
}

void CpuDevice::copy_bytes(const std::byte* from, std::byte* to, std::size_t bytes) const {
  constexpr std::int64_t kLine = 64;
  cpu::parallel_for(threads_, static_cast<std::int64_t>(bytes), 1, kLine, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
  });
}

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) { return std::make_unique<CpuDevice>(options); }

}  // namespace mho::kernels
