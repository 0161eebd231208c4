// Matrix products over the last two axes, leading axes broadcast (ONNX MatMul).
#include "kernels/reference/reference_device.h"
#include "kernels/reference/strides.h"

namespace mho::kernels {

template <class Real>
void ReferenceDevice<Real>::matmul(Workspace& workspace, const MatmulAttributes& attributes, const Tensor& a,
                                   const Tensor& b, const Tensor& y, const Epilogue& epilogue) {
  const auto rows_of = [](const Tensor& t) { return t.dim(t.rank() - 2); };
  const auto columns_of = [](const Tensor& t) { return t.dim(t.rank() - 1); };
  const auto lead = [](const Tensor& t) { return Shape(t.shape().begin(), t.shape().end() - 2); };
  const std::int64_t rows = rows_of(y);
  const std::int64_t columns = columns_of(y);
  const std::int64_t a_rows = rows_of(a);
  const std::int64_t a_columns = columns_of(a);
  const std::int64_t b_rows = rows_of(b);
  const std::int64_t b_columns = columns_of(b);
  const std::int64_t inner = attributes.transpose_a ? a_rows : a_columns;
  const std::int64_t a_row = attributes.transpose_a ? 1 : a_columns;
  const std::int64_t a_inner = attributes.transpose_a ? a_columns : 1;
  const std::int64_t b_inner = attributes.transpose_b ? 1 : b_columns;
  const std::int64_t b_column = attributes.transpose_b ? b_columns : 1;
  const std::array<Shape, 3> strides{broadcast_strides(lead(a), lead(y)), broadcast_strides(lead(b), lead(y)),
                                     row_major_strides(lead(y))};
  for_each_position(lead(y), strides, [&](const std::array<std::int64_t, 3>& at) {
    const Real* as = a.as<Real>().data() + at[0] * a_rows * a_columns;
    const Real* bs = b.as<Real>().data() + at[1] * b_rows * b_columns;
    const std::int64_t y_start = at[2] * rows * columns;
    for (std::int64_t r = 0; r < rows; ++r) {
      workspace.ask();
      for (std::int64_t c = 0; c < columns; ++c) {
        double sum = 0;
        for (std::int64_t k = 0; k < inner; ++k) {
          sum += static_cast<double>(as[r * a_row + k * a_inner]) * static_cast<double>(bs[k * b_inner + c * b_column]);
        }
        const auto out = static_cast<std::size_t>(y_start + r * columns + c);
        if (epilogue.bias != nullptr)
          sum += static_cast<double>(epilogue.bias->as<Real>()[static_cast<std::size_t>(c)]);
        if (epilogue.residual != nullptr) sum += static_cast<double>(epilogue.residual->as<Real>()[out]);
        if (epilogue.relu && sum < 0) sum = 0;
        y.as<Real>()[out] = static_cast<Real>(sum);
      }
    }
  });
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
