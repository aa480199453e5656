# SPDX-License-Identifier: Apache-2.0
"""The gate of the CUDA kernels reads what ptxas and cuobjdump print, and finds what is wrong."""

import importlib.util
import sys
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[2] / "csrc" / "cuda" / "check_kernels.py"
pytestmark = pytest.mark.skipif(not _PATH.is_file(), reason="the sources are not here")

_PTXAS = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z5firstv' for 'sm_90a'
ptxas info    : Function properties for _Z5firstv
    {stack} bytes stack frame, {spilled} bytes spill stores, 0 bytes spill loads
ptxas info    : Used 30 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function '_Z6secondv' for 'sm_90a'
ptxas info    : Function properties for _Z6secondv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 12 registers, used 0 barriers
"""
_SASS = """\
		Function : _Z5firstv
	.headerflags	@"EF_CUDA_SM90 EF_CUDA_PTX_SM(EF_CUDA_SM90)"
        /*0000*/                   LDC R1, c[0x0][0x28] ;  /* 0x0a */
        /*0010*/              @!P0 IMMA.16832.S8.S8 R4, R8.ROW, R10.COL, R4 ;  /* 0x0a */
        /*0020*/             @!PT  STL [R1], R4 ;  /* 0x0a */
		..........
		Function : _Z6secondv
        /*0000*/             @UP0  UMOV UR4, 0x1 ;  /* 0x0a */
        /*0010*/                   EXIT ;  /* 0x0a */
"""


@pytest.fixture(scope="module")
def gate():
    spec = importlib.util.spec_from_file_location("check_kernels", _PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(("stack", "spilled", "faults"), [(0, 0, 0), (8, 0, 1), (8, 16, 2)])
def test_spills_and_stack_frames_are_faults(gate, stack, spilled, faults):
    kernels = gate.read_ptxas(_PTXAS.format(stack=stack, spilled=spilled), "some.cu", "90a")
    first, second = kernels["_Z5firstv"], kernels["_Z6secondv"]
    assert (first.registers, first.shared, first.stack, first.spilled) == (30, 1024, stack, spilled)
    assert (second.registers, second.shared) == (12, 0)
    assert len(first.faults()) == faults
    assert second.faults() == []


def test_a_kernel_of_rows_may_spill_a_little(gate):
    kernels = gate.read_ptxas(_PTXAS.format(stack=248, spilled=500), "some.cu", "100")
    kernel = kernels["_Z5firstv"]
    kernel.opcodes = {"STL": 3}
    kernel.name = "cuda::row_table_kernel<cuda::AnyNetwork, double>"
    assert kernel.faults() == []
    kernel.spilled = 1000
    assert kernel.faults() == ["1000 bytes of registers are spilled"]
    kernel.name = "cuda::row_table_kernel<cuda::ReluOrErfNetwork, double>"
    assert len(kernel.faults()) == 3


def test_instructions_are_counted_with_and_without_predicates(gate):
    assert gate.read_sass(_SASS) == {
        "_Z5firstv": {"LDC": 1, "IMMA": 1, "STL": 1},
        "_Z6secondv": {"UMOV": 1, "EXIT": 1},
    }


def test_access_to_local_memory_is_a_fault(gate):
    kernel = gate.Kernel("some.cu", "any_kernel", "80", opcodes={"STL": 2, "EXIT": 1})
    assert kernel.faults() == ["2 accesses to local memory"]


@pytest.mark.parametrize(
    ("product", "architecture", "opcode"),
    [
        ("kInteger", "100", "IMMA"),
        ("kSlices", "86", "IMMA"),
        ("kFloat", "80", "HMMA"),
        ("kDouble", "90a", "DMMA"),
        ("kWideInteger", "89", "DFMA"),
    ],
)
def test_a_kernel_must_have_its_matrix_instruction(gate, product, architecture, opcode):
    name = f"cuda::tile_kernel<{product}, float>"
    good = gate.Kernel("some.cu", name, architecture, opcodes={opcode: 1})
    bad = gate.Kernel("some.cu", name, architecture, opcodes={"FFMA": 1})
    assert good.faults() == []
    assert [fault.startswith("none of ") for fault in bad.faults()] == [True]


@pytest.mark.parametrize("kernel", ["empirical_tile_kernel", "empirical_chunk_kernel"])
def test_products_of_rows_are_matrix_instructions(gate, kernel):
    def faults(number, architecture, opcode):
        name = f"cuda::{kernel}<{number}, true>"
        return gate.Kernel("some.cu", name, architecture, opcodes={opcode: 1}).faults()

    assert faults("float", "86", "HMMA") == faults("double", "100", "DMMA") == []
    assert faults("double", "120", "DFMA") == []
    assert faults("float", "90a", "FFMA") == ["none of HMMA"]
    assert faults("double", "80", "DFMA") == ["none of DMMA"]


def test_double_units_are_no_replacement_where_there_is_a_matrix_unit(gate):
    kernel = gate.Kernel("some.cu", "tile_kernel<kDouble, double>", "90a", opcodes={"DFMA": 9})
    assert kernel.faults() == ["none of DMMA"]


def test_products_are_called_by_their_names(gate):
    products = gate.product_names((_PATH.parents[1] / "common" / "product.h").read_text())
    assert products[0] == "kInteger"
    assert len(set(products)) == len(products)
    mangled = "void fastntk::cuda::tile_kernel<(fastntk::Product)0, float>(fastntk::View<float>)"
    assert gate.readable(mangled, products) == "cuda::tile_kernel<kInteger, float>"
    assert gate.readable("fastntk::cuda::scan_kernel(int)", products) == "cuda::scan_kernel"
