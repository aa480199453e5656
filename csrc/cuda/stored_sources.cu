// SPDX-License-Identifier: Apache-2.0
#include "cuda/stored_sources.h"

#include "cuda/convert.h"
#include "cuda/stored_kernel.cuh"
#include "cuda/times_vectors.h"

namespace fastntk::cuda {
namespace {

template <class T>
void launch_stored(const StoredView<T>& matrix, const TileSink& sink, cudaStream_t stream) {
  using Tile = StoredShape<T>;
  const TileOrder<Tile> order(matrix.rows, matrix.cols, matrix.symmetric);
  const Shape shape{dim3(static_cast<unsigned>(order.blocks())), dim3(kThreads),
                    shared_bytes<T, Tile>(Tile::kCellBytes, sink), stream};
  launch(stored_kernel<T>, shape, matrix, order, sink);
}

}  // namespace

template <class T>
void StoredSource<T>::write(const DenseSink& to, const Context& context) const {
  TileSink sink;
  sink.dense = to;
  launch_stored(view_, sink, context.stream);
}

template <class T>
void StoredSource<T>::write_dense(const std::vector<T*>& to, const Context& context) const {
  require(to.size() == 1, "one array per output is needed");
  DenseSink sink;
  sink.to = to[0];
  sink.stride = this->cols();
  write(sink, context);
}

template <class T>
void StoredSource<T>::write_packed(T* to, const Context& context) const {
  require(this->symmetric(), "only a symmetric matrix is packed");
  DenseSink sink;
  sink.to = to;
  sink.is_packed = true;
  sink.packed = PackedLayout(this->rows());
  write(sink, context);
}

template <class T>
template <class V>
void StoredSource<T>::times(const V* v, double* y, long k, const Context& context) const {
  const Factors<T> rows{nullptr, this->rows()}, cols{nullptr, this->cols()};
  times_vectors(rows, cols, largest_, v, y, k, context,
                [&](const TileSink& sink) { launch_stored(view_, sink, context.stream); });
}

template <class T>
void StoredSource<T>::multiply(const float* v, double* y, long k, const Context& context) const {
  times(v, y, k, context);
}

template <class T>
void StoredSource<T>::multiply(const double* v, double* y, long k, const Context& context) const {
  times(v, y, k, context);
}

template <class T>
DenseMatrix<T>::DenseMatrix(const T* matrix, long n, double largest_magnitude)
    : StoredSource<T>({matrix, n, n, true, false, PackedLayout()}, largest_magnitude) {}

template <class T>
void DenseMatrix<T>::diagonal(T* to, const Context& context) const {
  convert(this->view_.data, to, this->rows(), context, this->rows() + 1);
}

template <class T>
DenseBlock<T>::DenseBlock(const T* matrix, long rows, long cols, double largest_magnitude)
    : StoredSource<T>({matrix, rows, cols, false, false, PackedLayout()}, largest_magnitude) {}

template <class T>
void DenseBlock<T>::diagonal(T*, const Context&) const {
  require(this->symmetric(), "only a symmetric matrix has this diagonal");
}

template <class T>
PackedTriangle<T>::PackedTriangle(const TileSource<T>& source, double largest_magnitude,
                                  const Context& context)
    : StoredSource<T>(
          {nullptr, source.rows(), source.rows(), true, true, PackedLayout(source.rows())},
          largest_magnitude),
      triangle_(context, PackedLayout(source.rows()).size()), diagonal_(context, source.rows()) {
  this->view_.data = triangle_.data();
  source.write_packed(triangle_.data(), context);
  source.diagonal(diagonal_.data(), context);
}

template <class T>
void PackedTriangle<T>::diagonal(T* to, const Context& context) const {
  convert(diagonal_.data(), to, this->rows(), context);
}

template class StoredSource<float>;
template class StoredSource<double>;
template class DenseMatrix<float>;
template class DenseMatrix<double>;
template class DenseBlock<float>;
template class DenseBlock<double>;
template class PackedTriangle<float>;
template class PackedTriangle<double>;

}  // namespace fastntk::cuda
