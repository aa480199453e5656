// SPDX-License-Identifier: Apache-2.0
#include "cuda/packing.cuh"

#include "common/index.h"

namespace fastntk::cuda {
namespace {

long number_bytes(Product product) {
  switch (product) {
  case Product::kInteger:
  case Product::kSlices:
    return 1;
  case Product::kFloat:
    return sizeof(float);
  default:
    return sizeof(double);
  }
}

void launch_packing(void (*kernel)(Packing), const Packing& packing, const Context& context) {
  const auto blocks = static_cast<unsigned>(ceil_div(packing.samples.rows, kPackRows));
  launch(kernel, {blocks, kPackThreads, 0, context.stream}, packing);
}

}  // namespace

int packed_runs(Product product, long count) {
  const long runs = ceil_div(count * number_bytes(product), kRunBytes);
  return static_cast<int>(runs > 0 ? runs : 1);
}

long packed_row_bytes(Product product, long count) {
  const int digits = product == Product::kSlices ? kSlices : 1;
  return static_cast<long>(packed_runs(product, count)) * digits * kRunBytes;
}

void pack_rows(const Packing& packing, Product product, const Context& context) {
  switch (product) {
  case Product::kInteger:
    return launch_packing(pack_bytes_kernel, packing, context);
  case Product::kFloat:
    return launch_packing(pack_numbers_kernel<float, float>, packing, context);
  case Product::kSlices:
    return launch_packing(pack_slices_kernel, packing, context);
  default:
    break;
  }
  switch (packing.samples.type) {
  case SampleType::kUint8:
    return launch_packing(pack_numbers_kernel<std::uint8_t, double>, packing, context);
  case SampleType::kFloat32:
    return launch_packing(pack_numbers_kernel<float, double>, packing, context);
  default:
    return launch_packing(pack_numbers_kernel<double, double>, packing, context);
  }
}

}  // namespace fastntk::cuda
