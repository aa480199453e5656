// SPDX-License-Identifier: Apache-2.0
#define FASTNTK_ISA neondot
#include "cpu/isa/engine_definition.h"
