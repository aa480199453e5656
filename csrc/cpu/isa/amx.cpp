// SPDX-License-Identifier: Apache-2.0
#define FASTNTK_ISA amx
#if defined(__AMXINT8__) && !defined(__AMX_INT8__)
#define __AMX_INT8__ 1  // as later versions of Clang, and GCC, call it
#endif
#include "cpu/isa/engine_definition.h"
