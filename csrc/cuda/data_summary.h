// SPDX-License-Identifier: Apache-2.0
// The few numbers that the host chooses by: written by kernels, read back once.
#pragma once

#include <vector>

#include "common/index.h"
#include "common/limiting_plan.h"
#include "cuda/context.h"
#include "cuda/network_family.h"

namespace fastntk::cuda {

// Of one side. Zero at first; kernels only ever add to it, in any order.
struct SideSummary {
  unsigned negative;     // not 0: a value lies below zero
  unsigned non_finite;   // not 0: a value is NaN or infinite
  unsigned coarse;       // not 0: a row that fixed point does not serve
  unsigned close_pairs;  // of the sample of pairs; counted for the rows' side
  // Bits of doubles that are not negative, which order them; infinite where one is no number.
  unsigned long long largest_diagonal;
  unsigned long long largest_normalised_diagonal;
};

// The range of a field of a row table comes in parts of the rows: one per so many, and no more than
// there is room for.
constexpr int kRangeParts = 32;
FASTNTK_HD long range_part_rows(long rows) {
  constexpr long kLeast = 1024;
  const long even = ceil_div(rows, kRangeParts);
  return even > kLeast ? even : kLeast;
}

class DataSummary {
public:
  DataSummary(long columns, const RowFields& fields, const Context& context);

  // Device memory. Bit k of used: column k is not zero in all rows. ranges: [fields][kRangeParts].
  SideSummary* side(int s) const;
  unsigned* used(int s) const;
  Range* ranges(int s) const;

  // Copies everything to the host and waits for it: what follows reads it there.
  void fetch(const Context& context);
  const SideSummary& seen(int s) const;
  bool column_used(int s, long k) const;
  RowRanges row_ranges(int s, long rows, const Network& network) const;
  double largest_diagonal(int s) const;
  double largest_normalised_diagonal(int s) const;

private:
  std::size_t used_at(int s) const;
  std::size_t ranges_at(int s) const;

  long words_;
  RowFields fields_;
  DeviceArray<char> device_;
  std::vector<char> host_;
};

}  // namespace fastntk::cuda
