// SPDX-License-Identifier: Apache-2.0
#include "cuda/empirical_kernel.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "cuda/convert.h"
#include "cuda/empirical_chunks.cuh"
#include "cuda/empirical_split.h"
#include "cuda/stored_sources.h"
#include "cuda/times_vectors.h"
#include "cuda/upload.h"

namespace fastntk::cuda {
namespace {

int multiprocessors(const Context& context) {
  int count = 1;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, context.device),
        "cudaDeviceGetAttribute");
  return count;
}

// Points with two rows of K or more have kernels of their own.
template <class T, class F>
void with_kernels(const EmpiricalView<T>& view, F f) {
  if (view.outputs > 1)
    f(std::true_type{});
  else
    f(std::false_type{});
}

}  // namespace

template <class T>
EmpiricalKernel<T>::EmpiricalKernel(long row_points, const std::vector<MapRows<T>>& rows,
                                    long col_points, const std::vector<MapRows<T>>& cols,
                                    const std::vector<MapFactors>& factors, long outputs,
                                    const Context& context)
    : TileSource<T>(row_points * outputs, (cols.empty() ? row_points : col_points) * outputs,
                    cols.empty()) {
  constexpr long kMostRows = std::numeric_limits<int>::max() - 1024;  // places in tiles are ints
  check_maps(rows, row_points, cols, col_points, factors, outputs);
  require(this->rows() <= kMostRows && this->cols() <= kMostRows, "too many rows");
  require(blocks() <= std::numeric_limits<int>::max(), "too many rows and columns for one launch");
  std::vector<TermView<T>> terms = terms_of(rows, cols, factors, context);
  split(terms, context);
  terms_ = upload(context, terms);
  view_ = {terms_.data(),
           static_cast<int>(terms.size()),
           static_cast<int>(this->rows()),
           static_cast<int>(this->cols()),
           this->symmetric(),
           static_cast<int>(outputs),
           nullptr};
  const DeviceArray<unsigned long long> largest(context, 1);
  check(cudaMemsetAsync(largest.data(), 0, largest.bytes(), context.stream), "cudaMemsetAsync");
  if (this->symmetric())
    diagonal_ = DeviceArray<T>(context, this->rows());
  view_.diagonal = diagonal_.data();
  self_kernel(view_, true, diagonal_.data(), largest.data(), context);
  if (!this->symmetric())
    self_kernel<T>(view_, false, nullptr, largest.data(), context);
  check(cudaMemcpyAsync(&largest_diagonal_, largest.data(), largest.bytes(), cudaMemcpyDeviceToHost,
                        context.stream),
        "cudaMemcpyAsync");
  check(cudaStreamSynchronize(context.stream), "cudaStreamSynchronize");
}

template <class T>
std::vector<TermView<T>> EmpiricalKernel<T>::terms_of(const std::vector<MapRows<T>>& rows,
                                                      const std::vector<MapRows<T>>& cols,
                                                      const std::vector<MapFactors>& factors,
                                                      const Context& context) {
  const auto product = [&](const RowView<T>& of_rows, const RowView<T>* of_cols) {
    ProductView view{};
    if (of_rows.data == nullptr)
      return view;
    view.left = product_rows(of_rows, aligned_, context);
    view.right = of_cols ? product_rows(*of_cols, aligned_, context) : view.left;
    const long bytes = part_bytes<T>(of_rows.columns);
    require(bytes <= kMostRowBytes, "a row is too long");
    view.bytes = static_cast<int>(bytes);
    view.runs = static_cast<int>(ceil_div(view.bytes, kRunBytes));
    return view;
  };
  std::vector<TermView<T>> terms;
  for (std::size_t l = 0; l < factors.size(); ++l) {
    TermView<T> term{};
    term.alpha = static_cast<T>(factors[l].alpha);
    term.beta = static_cast<T>(factors[l].beta);
    const MapRows<T>* other = cols.empty() ? nullptr : &cols[l];
    term.signals = product(rows[l].signals, other ? &other->signals : nullptr);
    if (factors[l].alpha != 0)
      term.activations = product(rows[l].activations, other ? &other->activations : nullptr);
    terms.push_back(term);
  }
  return terms;
}

template <class T>
void EmpiricalKernel<T>::split(std::vector<TermView<T>>& terms, const Context& context) {
  std::vector<int> runs;
  for (const TermView<T>& term : terms) {
    runs.push_back(term.signals.runs);
    runs.push_back(term.activations.runs);
  }
  std::vector<ChunkView> chunks;
  for (const RunChunk& chunk : split_runs(runs, blocks(), multiprocessors(context))) {
    TermView<T>& term = terms[chunk.product / 2];
    ProductView& product = chunk.product % 2 == 0 ? term.signals : term.activations;
    if (product.chunks++ == 0)
      product.first_chunk = static_cast<int>(chunks.size());
    chunks.push_back({chunk.product / 2, chunk.product % 2 != 0, chunk.begin, chunk.end});
  }
  chunks_ = upload(context, chunks);
}

template <class T>
long EmpiricalKernel<T>::blocks() const {
  return EmpiricalOrder<T>(this->rows(), this->cols(), this->symmetric()).blocks();
}

template <class T>
void EmpiricalKernel<T>::launch_tiles(const TileSink& sink, const Context& context) const {
  using Tile = EmpiricalShape<T>;
  const EmpiricalOrder<T> order(this->rows(), this->cols(), this->symmetric());
  const Shape shape{dim3(static_cast<unsigned>(order.blocks())), dim3(kThreads),
                    shared_bytes<T, Tile>(Tile::kSharedBytes, sink), context.stream};
  with_kernels(view_, [&](auto of_points) {
    launch(empirical_tile_kernel<T, of_points>, shape, view_, order, sink);
  });
}

template <class T>
void EmpiricalKernel<T>::write_in_parts(T* to, const Context& context) const {
  using Tile = EmpiricalShape<T>;
  const EmpiricalOrder<T> order(this->rows(), this->cols(), this->symmetric());
  const int count = static_cast<int>(chunks_.size());
  const DeviceArray<T> slabs(context, order.blocks() * count * kSlabCells<T>);
  const auto tiles = static_cast<unsigned>(order.blocks());
  const Shape parts{dim3(tiles, static_cast<unsigned>(count)), dim3(kThreads),
                    Tile::kStages * Tile::kStageBytes, context.stream};
  const Shape cells{dim3(tiles, Tile::kCells / kThreads), dim3(kThreads), 0, context.stream};
  with_kernels(view_, [&](auto of_points) {
    launch(empirical_chunk_kernel<T, of_points>, parts, view_, order, chunks_.data(), slabs.data());
    launch(empirical_sum_kernel<T, of_points>, cells, view_, order, slabs.data(), count, to);
  });
}

template <class T>
void EmpiricalKernel<T>::write_dense(const std::vector<T*>& to, const Context& context) const {
  require(to.size() == 1, "one array is needed");
  if (chunks_.size() > 0)
    return write_in_parts(to[0], context);
  TileSink sink;
  sink.dense.to = to[0];
  sink.dense.stride = this->cols();
  launch_tiles(sink, context);
}

template <class T>
void EmpiricalKernel<T>::write_packed(T* to, const Context& context) const {
  require(this->symmetric(), "only a symmetric matrix is packed");
  if (chunks_.size() > 0) {
    const DeviceArray<T> whole(context, this->rows() * this->rows());
    write_in_parts(whole.data(), context);
    return DenseMatrix<T>(whole.data(), this->rows(), largest_diagonal_).write_packed(to, context);
  }
  TileSink sink;
  sink.dense.to = to;
  sink.dense.is_packed = true;
  sink.dense.packed = PackedLayout(this->rows());
  launch_tiles(sink, context);
}

template <class T>
template <class V>
void EmpiricalKernel<T>::times(const V* v, double* y, long k, const Context& context) const {
  require(std::isfinite(largest_diagonal_), "a kernel that is not finite is not multiplied");
  if (k == 0)
    return;
  if (chunks_.size() > 0) {
    const DeviceArray<T> whole(context, this->rows() * this->cols());
    write_in_parts(whole.data(), context);
    if (this->symmetric())
      DenseMatrix<T>(whole.data(), this->rows(), largest_diagonal_).multiply(v, y, k, context);
    else
      DenseBlock<T>(whole.data(), this->rows(), this->cols(), largest_diagonal_)
          .multiply(v, y, k, context);
    return;
  }
  const Factors<T> rows{nullptr, this->rows()}, cols{nullptr, this->cols()};
  times_vectors(rows, cols, largest_diagonal_, v, y, k, context,
                [&](const TileSink& sink) { launch_tiles(sink, context); });
}

template <class T>
void EmpiricalKernel<T>::multiply(const float* v, double* y, long k, const Context& context) const {
  times(v, y, k, context);
}

template <class T>
void EmpiricalKernel<T>::multiply(const double* v, double* y, long k,
                                  const Context& context) const {
  times(v, y, k, context);
}

template <class T>
void EmpiricalKernel<T>::diagonal(T* to, const Context& context) const {
  require(this->symmetric(), "only a symmetric matrix has this diagonal");
  convert(diagonal_.data(), to, this->rows(), context);
}

template <class T>
std::size_t EmpiricalKernel<T>::bytes() const {
  std::size_t sum = terms_.bytes() + chunks_.bytes() + diagonal_.bytes();
  for (const DeviceArray<char>& rows : aligned_)
    sum += rows.bytes();
  return sum;
}

template class EmpiricalKernel<float>;
template class EmpiricalKernel<double>;

}  // namespace fastntk::cuda
