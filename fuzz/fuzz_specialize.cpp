// Any shapes, batch scales and fixed inputs for any model: specialisation makes a valid graph or throws mho::Error.
// The first sixteen bytes say how the model behind them is specialised.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "attempt.h"
#include "change_model.h"
#include "onnx/model.h"
#include "small_limits.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t kChoices = 16;

/// Choices read from the bytes in turn, over and over.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t next() { return bytes_[at_++ % bytes_.size()]; }
  std::int64_t number() {
    constexpr std::array kSpecial{std::int64_t{-1},
                                  std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::int64_t>::max(),
                                  std::int64_t{1} << 31,
                                  std::int64_t{1} << 32,
                                  std::int64_t{1} << 56,
                                  std::int64_t{1} << 62,
                                  std::int64_t{65536}};
    const std::uint8_t choice = next();
    return choice >= 224 ? kSpecial[choice % kSpecial.size()] : choice % 12;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

void choose(Choices& choices, const mho::onnx::PortInfo& port, mho::onnx::Model::Specialization& specialization) {
  mho::Shape shape;
  for (const mho::onnx::Dimension& d : port.shape) {
    shape.push_back(d.extent >= 0 && choices.next() % 8 != 0 ? d.extent : choices.number());
  }
  const std::uint8_t how = choices.next();
  if (how % 16 == 1) shape.push_back(choices.number());
  if (how % 16 == 2 && !shape.empty()) shape.pop_back();
  const auto elements = [&] {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) {
      if (extent < 0 || extent > 64 || (count *= extent) > 64) return std::int64_t{-1};
    }
    return count;
  }();
  if (how % 4 == 3 && elements >= 0) {
    mho::Array array(port.dtype == mho::DType::i64 ? mho::DType::i64 : mho::DType::f32, shape);
    if (array.dtype() == mho::DType::i64) {
      for (std::int64_t& v : array.as<std::int64_t>()) v = choices.number();
    } else {
      for (float& v : array.as<float>()) v = static_cast<float>(choices.number());
    }
    if (port.dtype == mho::DType::b8) array = array.to(mho::DType::b8);
    specialization.fixed_inputs[port.name] = mho::kernels::Constant::from(std::move(array));
  } else if (how % 16 != 4) {
    specialization.input_shapes[port.name] = shape;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size <= kChoices) return 0;
  mho::fuzz::attempt([&] {
    const std::span all(data, size);
    const auto model = mho::onnx::Model::parse(std::as_bytes(all.subspan(kChoices)), {}, mho::fuzz::small_limits());
    Choices choices(all.first(kChoices));
    mho::onnx::Model::Specialization specialization;
    specialization.batch_scale = std::max<std::int64_t>(1, choices.number());
    for (const auto& port : model.inputs()) choose(choices, port, specialization);
    model.specialize(specialization).verify();
  });
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  if (size <= kChoices || seed % 3 == 0) return LLVMFuzzerMutate(data, size, max_size);
  if (seed % 3 == 1) {
    data[seed / 3 % kChoices] = static_cast<std::uint8_t>(seed / (3 * kChoices));
    return size;
  }
  return kChoices + mho::fuzz::change_model(data + kChoices, size - kChoices, max_size - kChoices, seed / 3);
}
