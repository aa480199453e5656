// SPDX-License-Identifier: Apache-2.0
#include "cuda/data_summary.h"

#include <cstring>

#include "cuda/device.h"

namespace fastntk::cuda {
namespace {

constexpr long kWordBits = 32;
constexpr long kSides = 2;

double from_bits(unsigned long long bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

DataSummary::DataSummary(long columns, const RowFields& fields, const Context& context)
    : words_(round_up(ceil_div(columns, kWordBits), 2)), fields_(fields),
      device_(context, ranges_at(kSides)) {
  check(cudaMemsetAsync(device_.data(), 0, device_.bytes(), context.stream), "cudaMemsetAsync");
}

std::size_t DataSummary::used_at(int s) const {
  return kSides * sizeof(SideSummary) + s * words_ * sizeof(unsigned);
}

std::size_t DataSummary::ranges_at(int s) const {
  return used_at(kSides) +
         static_cast<std::size_t>(s) * fields_.count() * kRangeParts * sizeof(Range);
}

SideSummary* DataSummary::side(int s) const {
  return reinterpret_cast<SideSummary*>(device_.data()) + s;
}

unsigned* DataSummary::used(int s) const {
  return reinterpret_cast<unsigned*>(device_.data() + used_at(s));
}

Range* DataSummary::ranges(int s) const {
  return reinterpret_cast<Range*>(device_.data() + ranges_at(s));
}

void DataSummary::fetch(const Context& context) {
  host_.resize(device_.size());
  check(cudaMemcpyAsync(host_.data(), device_.data(), device_.bytes(), cudaMemcpyDeviceToHost,
                        context.stream),
        "cudaMemcpyAsync");
  check(cudaStreamSynchronize(context.stream), "cudaStreamSynchronize");
}

const SideSummary& DataSummary::seen(int s) const {
  return reinterpret_cast<const SideSummary*>(host_.data())[s];
}

bool DataSummary::column_used(int s, long k) const {
  const auto* words = reinterpret_cast<const unsigned*>(host_.data() + used_at(s));
  return words[k / kWordBits] >> (k % kWordBits) & 1u;
}

RowRanges DataSummary::row_ranges(int s, long rows, const Network& network) const {
  const long count = ceil_div(rows, range_part_rows(rows));
  const auto* parts = reinterpret_cast<const Range*>(host_.data() + ranges_at(s));
  const auto field = [parts, count](int f) {
    Range all = parts[f * kRangeParts];
    for (long part = 1; part < count; ++part)
      all = joined(all, parts[f * kRangeParts + part]);
    return all;
  };
  RowRanges all{{field(0), field(1), {}}, {}};
  for (int l = 0; l < network.hidden_layers(); ++l) {
    const int first = fields_.layer(l);
    all.layers.push_back({field(first), field(first + 1), {}});
    for (int k = 0; k < activation_row_scalars(network.activations[l]); ++k)
      all.layers[l].scalars[k] = field(fields_.scalar(l, k));
  }
  return all;
}

double DataSummary::largest_diagonal(int s) const { return from_bits(seen(s).largest_diagonal); }

double DataSummary::largest_normalised_diagonal(int s) const {
  return from_bits(seen(s).largest_normalised_diagonal);
}

}  // namespace fastntk::cuda
