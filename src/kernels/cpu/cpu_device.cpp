// The CPU device as a whole.
#include "kernels/cpu/cpu_device.h"

#include <cstring>

namespace mho::kernels {

CpuDevice::CpuDevice(int threads, bool bfloat16)
    : threads_(threads > 0 ? threads : omp_get_num_procs()),
      bfloat16_(bfloat16 && cpu_has_bfloat16()),
      engine_(dnnl::engine::kind::cpu, 0) {}

void CpuDevice::copy_bytes(const std::byte* from, std::byte* to, std::size_t bytes) const {
  constexpr std::int64_t kLine = 64;
  cpu::parallel_for(threads_, static_cast<std::int64_t>(bytes), 1, kLine, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
  });
}

std::unique_ptr<Device> make_cpu_device(int threads, bool bfloat16) {
  return std::make_unique<CpuDevice>(threads, bfloat16);
}

}  // namespace mho::kernels
