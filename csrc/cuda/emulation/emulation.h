// SPDX-License-Identifier: Apache-2.0
// CUDA on the CPU, for tests: the same sources, compiled by a C++ compiler with FASTNTK_EMULATED
// defined, run where there is no GPU, under a debugger and under sanitizers.
//
// Emulated: grids and blocks in three dimensions with the limits of a device; static and dynamic
// shared memory (dynamic memory begins as NaN in each block); barriers of blocks and warps, also
// of parts of warps; shuffles, votes, atomic operations, matrix instructions by their documented
// layouts; asynchronous copies, which arrive as late as they may; the runtime calls of runtime.h.
//
// Found: barriers that not all threads reach, or reach in different lines; threads that leave
// before a barrier; deadlocks; shuffles from lanes that take no part; misaligned operands of copies
// and matrices; copies nobody waited for. A launch throws std::runtime_error, which names the
// thread, its block and the line. A missing barrier is found by comparing orders (order.h), or by
// ThreadSanitizer with FASTNTK_EMULATION_THREADS; reads past shared memory by AddressSanitizer.
//
// Not emulated: time, registers and bank conflicts; warps in lockstep (a lane runs alone between two
// barriers, as CUDA allows); streams, for everything is done at once; separate memories, for a host
// pointer works in a kernel; several blocks at a time, so that no race between blocks is seen;
// `extern __shared__` (dynamic_shared<T>() of cuda/device.h is in its place); poison in static shared
// memory, which keeps what the last block left and does not count towards the limit. Shuffles and
// votes order accesses to memory here, which CUDA does not promise. The hardware adds up products
// of tf32 and float64 in an order of its own: last bits differ.
//
// To be compiled with -ffp-contract=off, for FMAs are written (common/scalar_math.h).
#pragma once

#include "cuda/emulation/intrinsics.h"
#include "cuda/emulation/launch.h"
#include "cuda/emulation/matrix.h"
#include "cuda/emulation/runtime.h"
#include "cuda/emulation/types.h"
#include "cuda/emulation/warp_operations.h"
