// What the reference device says about itself.
#include "kernels/reference/reference_device.h"

namespace mho::kernels {

template <class Real>
std::string_view ReferenceDevice<Real>::name() const {
  return "reference";
}

template <class Real>
DType ReferenceDevice<Real>::real() const {
  return DTypeOf<Real>::value;
}

template <class Real>
Layout ReferenceDevice<Real>::convolution_layout(const ConvolutionAttributes&, const Shape&, const Shape&) const {
  return Layout::plain;
}

template <class Real>
bool ReferenceDevice<Real>::has_blocked_layout() const {
  return false;
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

std::unique_ptr<Device> make_reference_device() { return std::make_unique<ReferenceDevice<double>>(); }

}  // namespace mho::kernels
