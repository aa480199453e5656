// SPDX-License-Identifier: Apache-2.0
#define FASTNTK_ISA avx512
#include "cpu/isa/engine_definition.h"
