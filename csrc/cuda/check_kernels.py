#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile CUDA sources for every architecture and check what became of each kernel.

A kernel fails the check where registers are spilled, where anything lies in local memory, and where
it multiplies without the matrix instructions that `EXPECTED` names for it.  No GPU is needed.

    check_kernels.py [--nvcc NVCC] [--cuobjdump CUOBJDUMP] [--jobs N] [--arch 90a]... FILE.cu...

Without cuobjdump only what ptxas reports is checked.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

CSRC = Path(__file__).resolve().parents[1]
ARCHITECTURES = ("80", "86", "89", "90a", "100", "120")
FLAGS = ("-std=c++17", "-O3", "-DNDEBUG", "-fmad=false", f"-I{CSRC}", "-Werror=all-warnings")
# Loops are unrolled on the device, by a pragma that the host's compiler does not know.
HOST_FLAGS = ("-Xcompiler=-Wall,-Wextra,-Wno-unknown-pragmas,-Werror",)


@dataclass(frozen=True)
class Expected:
    """The instructions that a kernel must have, one of them at least."""

    kernel: str  # a regular expression for the demangled name, products by their names
    instructions: tuple[str, ...]
    architectures: tuple[str, ...] = ARCHITECTURES


EXPECTED = (
    Expected(r"\b(tile|gradient)_kernel<kInteger\b", ("IMMA",)),
    Expected(r"\btile_kernel<kSlices\b", ("IMMA",)),
    Expected(r"\btile_kernel<kFloat\b", ("HMMA",)),
    Expected(r"\b(tile|gradient)_kernel<k(Double|WideInteger)\b", ("DMMA",), ("80", "90a", "100")),
    # Chips for graphics have a double unit or two; there the compiler may choose.
    Expected(
        r"\b(tile|gradient)_kernel<k(Double|WideInteger)\b",
        ("DMMA", "DFMA"),
        ("86", "89", "120"),
    ),
    Expected(r"\bempirical_(tile|chunk)_kernel<float\b", ("HMMA",)),
    Expected(r"\bempirical_(tile|chunk)_kernel<double\b", ("DMMA",), ("80", "90a", "100")),
    Expected(r"\bempirical_(tile|chunk)_kernel<double\b", ("DMMA", "DFMA"), ("86", "89", "120")),
)
# Kernels that may spill registers, by so many bytes stored and loaded: a thread works out of a row what
# all its cells then read.
ALLOWED_SPILLS = {r"\brow_table_kernel<cuda::AnyNetwork\b": 800}
_MATRIX_INSTRUCTIONS = ("IMMA", "HMMA", "DMMA", "QMMA", "OMMA", "IGMMA", "HGMMA", "UTCIMMA")

_ENTRY = re.compile(r"Compiling entry function '(\S+)' for")
_PROPERTIES = re.compile(r"Function properties for (\S+)")
_MEMORY = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")
_FUNCTION = re.compile(r"\s*Function : (\S+)")
_OPCODE = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P[T0-9]+\s+)?([A-Z][A-Z0-9_]*)", re.M)


@dataclass
class Kernel:
    """What one kernel, or a function that it calls, became on one architecture."""

    source: str
    name: str
    architecture: str
    registers: int = 0
    shared: int = 0
    stack: int = 0
    spilled: int = 0
    is_entry: bool = False
    opcodes: dict[str, int] = field(default_factory=dict)

    def faults(self) -> list[str]:
        found = []
        room = sum(size for name, size in ALLOWED_SPILLS.items() if re.search(name, self.name))
        if self.spilled > room:
            found.append(f"{self.spilled} bytes of registers are spilled")
        if self.stack > room:
            found.append(f"{self.stack} bytes of stack frame")
        local = sum(self.opcodes.get(code, 0) for code in ("LDL", "STL"))
        if local and not room:
            found.append(f"{local} accesses to local memory")
        if self.opcodes:
            found += [
                f"none of {', '.join(rule.instructions)}"
                for rule in EXPECTED
                if self.architecture in rule.architectures
                and re.search(rule.kernel, self.name)
                and not any(self.opcodes.get(code) for code in rule.instructions)
            ]
        return found


def read_ptxas(text: str, source: str, architecture: str) -> dict[str, Kernel]:
    """Return the functions that ``ptxas -v`` reports on, by their mangled names."""
    kernels: dict[str, Kernel] = {}
    entry = current = ""
    for line in text.splitlines():
        if found := _ENTRY.search(line):
            entry = found[1]
            kernels.setdefault(entry, Kernel(source, entry, architecture)).is_entry = True
        elif found := _PROPERTIES.search(line):
            current = found[1]
            kernels.setdefault(current, Kernel(source, current, architecture))
        elif found := _MEMORY.search(line):
            kernels[current].stack = int(found[1])
            kernels[current].spilled = int(found[2]) + int(found[3])
        elif found := _USED.search(line):
            kernels[entry].registers = int(found[1])
            shared = _SHARED.search(line)
            kernels[entry].shared = int(shared[1]) if shared else 0
    return kernels


def read_sass(text: str) -> dict[str, dict[str, int]]:
    """Return how often each function of ``cuobjdump -sass`` has each instruction."""
    counts: dict[str, dict[str, int]] = {}
    parts = re.split(_FUNCTION, text)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        ours = counts.setdefault(name, {})
        for opcode in _OPCODE.findall(body):
            ours[opcode] = ours.get(opcode, 0) + 1
    return counts


def product_names(header: str) -> list[str]:
    """Return the enumerators of ``enum class Product`` in their order."""
    body = re.search(r"enum class Product \{(.*?)\}", header, re.S)
    if body is None:
        raise ValueError("common/product.h has no 'enum class Product {'")
    return re.findall(r"^\s*(k\w+)", body[1], re.M)


def readable(demangled: str, products: list[str]) -> str:
    """Return a kernel's name without its arguments, with products by their names."""
    name = re.sub(r"\(fastntk::Product\)(\d+)", lambda number: products[int(number[1])], demangled)
    name = name.split(">(")[0] + ">" if ">(" in name else name.split("(")[0]
    return name.removeprefix("void ").replace("fastntk::", "")


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def compile_one(
    source: str, architecture: str, options: argparse.Namespace, folder: str
) -> dict[str, Kernel]:
    """Compile for one architecture; the first one's compilation includes the host's half."""
    kind = ["-c", *HOST_FLAGS] if architecture == options.arch[0] else ["-cubin"]
    result = Path(folder) / f"{source.replace('/', '_')}.{architecture}.o"
    target = f"-arch=sm_{architecture}"
    report = run([options.nvcc, *FLAGS, "-Xptxas=-v", target, *kind, source, "-o", str(result)])
    kernels = read_ptxas(report, source, architecture)
    if options.cuobjdump and kernels:
        for name, opcodes in read_sass(run([options.cuobjdump, "-sass", str(result)])).items():
            if name in kernels:
                kernels[name].opcodes = opcodes
    for kernel in kernels.values():
        if options.cuobjdump and kernel.is_entry and not kernel.opcodes:
            raise RuntimeError(f"cuobjdump shows no code of {kernel.name} for {architecture}")
    return kernels


def rename(kernels: list[Kernel]) -> None:
    products = product_names((CSRC / "common" / "product.h").read_text())
    names = run(["c++filt", *sorted({kernel.name for kernel in kernels})]).splitlines()
    plain = dict(zip(sorted({kernel.name for kernel in kernels}), names, strict=True))
    for kernel in kernels:
        kernel.name = readable(plain[kernel.name], products)


def table(kernels: list[Kernel], architectures: list[str]) -> str:
    """Return a line per kernel: its registers on each architecture, and the worst of the rest."""
    groups: dict[tuple[str, str], dict[str, Kernel]] = {}
    for kernel in kernels:
        groups.setdefault((kernel.source, kernel.name), {})[kernel.architecture] = kernel
    lines = [["file", "kernel", *architectures, "shared", "stack", "spilled", "matrix"]]
    for (source, name), by_architecture in groups.items():
        of = by_architecture.values()
        registers = [
            str(by_architecture[sm].registers) if sm in by_architecture else "-"
            for sm in architectures
        ]
        worst = (max(k.shared for k in of), max(k.stack for k in of), max(k.spilled for k in of))
        matrix = [code for code in _MATRIX_INSTRUCTIONS if any(code in k.opcodes for k in of)]
        lines.append([Path(source).name, name, *registers, *map(str, worst), " ".join(matrix)])
    widths = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--cuobjdump", help="path of cuobjdump; without it no code is looked at")
    parser.add_argument("--arch", action="append", help=f"default: {', '.join(ARCHITECTURES)}")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("sources", nargs="+", metavar="FILE.cu")
    options = parser.parse_args()
    options.arch = options.arch or list(ARCHITECTURES)
    begin = time.monotonic()
    failures: list[str] = []
    kernels: list[Kernel] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        tasks = [
            pool.submit(compile_one, source, architecture, options, folder)
            for source in options.sources
            for architecture in options.arch
        ]
        for task in tasks:
            try:
                kernels += task.result().values()
            except RuntimeError as error:
                failures.append(str(error))
    if kernels:
        rename(kernels)
    elif not failures:
        failures.append("ptxas reports no kernel at all")
    print(table(kernels, options.arch))
    for kernel in kernels:
        failures += [f"{kernel.source}: {kernel.name} on sm_{kernel.architecture}: {fault}"
                     for fault in kernel.faults()]  # fmt: skip
    everything = {path.resolve() for path in (CSRC / "cuda").rglob("*.cu")}
    if everything <= {Path(source).resolve() for source in options.sources}:
        failures += [
            f"no kernel is called {rule.kernel}: EXPECTED is out of date"
            for rule in EXPECTED
            if not any(re.search(rule.kernel, kernel.name) for kernel in kernels)
        ]
    if not options.cuobjdump:
        print("skipped: no cuobjdump, so that instructions are not looked at")
    count = len({(kernel.source, kernel.name) for kernel in kernels})
    print(
        f"{count} kernels for {len(options.arch)} architectures in {time.monotonic() - begin:.0f} s"
    )
    for text in failures:
        print(f"FAILED {text}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
