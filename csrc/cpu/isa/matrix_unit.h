// SPDX-License-Identifier: Apache-2.0
// Whether this process may use the matrix unit (AMX) of an x86-64 processor. Its registers are
// large, so Linux hands them out on request, to all threads of a process at once.
#pragma once

namespace fastntk::cpu {

bool matrix_unit_granted();

}  // namespace fastntk::cpu
