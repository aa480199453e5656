# SPDX-License-Identifier: Apache-2.0
"""Every benchmark case, as data.  Adding a case is adding one line to ``CASES`` or ``LARGE``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

QUICK_ROWS = 1_500
_QUICK_SHARE = 8  # of the points, and of the units per layer, of the empirical NTK

# Largest admitted error of a kernel entry, relative to the exact value (the package's own promise).
FLOAT32_GATE = 6e-7
FLOAT64_GATE = 2e-15
# K @ V in float32, relative to |K| |V|: the entries' rounding and that of sums over one tile.
PRODUCT_GATE = 1e-6
# K v - lambda v, relative to |K| |v|: the entries' rounding, and the residual at which `KernelPCA`
# stops, 1e-6 of the largest eigenvalue.
EIGENPAIR_GATE = 5e-6
# Entries of an empirical kernel, relative to sqrt(K_ii K_jj).
EMPIRICAL_GATES = {"float32": 1e-5, "float64": 1e-10}
# Of any activation, relative to sqrt(K_ii K_jj): that of the README for float64 data, as a function
# without closed form comes as a table, and the plain answer has roundings of its own.
ACTIVATION_GATES = {"float32": 6e-7, "float64": 1e-12}
_PIXELS = 784  # of an image
_QUICK_ACTIVATION_ROWS = 600

# Pixels 0..255 with scale 1/255, floats in [0, 1], or pixels of which each image has as many white
# ones, the brightest, and no grey ones.
Data = Literal["uint8", "float32", "equal norms"]
Result = Literal["float32", "float64"]
Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Case:
    """One thing to measure: an operation, its data and its network."""

    name: str
    operation: Literal["gram", "rectangular", "matmat", "kpca", "empirical", "activations"]
    data: Data
    dtype: Result
    hidden_layers: int
    bias_std: float
    gate: float
    columns: int = 10_000  # rows of X: the kernel has this many columns
    rows: int = 10_000  # fewer than `columns` only in rectangular cases
    storage: Literal["lazy", "packed"] | None = None  # of products with vectors only
    vectors: int = 0  # columns of V in matmat and empirical, components in kpca
    inputs: int = _PIXELS  # more than the pixels of an image: several side by side
    width: int = 0  # of every hidden layer; empirical only
    outputs: int = 1
    weight_std: float = 1.0
    rounds: int = 3
    # Without NumPy, contestants are measured one after the other: never two matrices in memory.
    baselines: bool = True
    device: Device = "cpu"
    goal: float | None = None  # seconds that the project aims at, on one H100
    activations: tuple[str, ...] = ("relu",)  # more than one in "activations" only

    @property
    def entries(self) -> int:
        """Entries of the whole kernel matrix, both triangles counted."""
        return self.rows * self.columns * self.outputs**2

    @property
    def images(self) -> int:
        """Images that the data take."""
        points = self.columns + (self.rows if self.operation == "rectangular" else 0)
        return points * -(-self.inputs // _PIXELS)

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of every layer of a finite network, inputs and outputs included."""
        return (self.inputs, *[self.width] * self.hidden_layers, self.outputs)

    def quick(self) -> Case:
        """Return the same case at the size of a smoke test."""
        if self.operation == "empirical":
            points, width = self.columns // _QUICK_SHARE, self.width // _QUICK_SHARE
            return replace(self, rows=points, columns=points, width=width, rounds=2)
        if self.operation == "activations":
            rows, few = _QUICK_ACTIVATION_ROWS, tuple(_QUICK_ACTIVATIONS)
            return replace(self, rows=rows, columns=rows, activations=few, rounds=2)
        columns = min(QUICK_ROWS, self.columns)
        return replace(self, rows=columns * self.rows // self.columns, columns=columns, rounds=2)


def _gram(
    name: str, data: Data, dtype: Result, hidden_layers: int, bias_std: float, rows: int = 10_000
) -> Case:
    gate = FLOAT32_GATE if dtype == "float32" else FLOAT64_GATE
    return Case(name, "gram", data, dtype, hidden_layers, bias_std, gate, columns=rows, rows=rows)


def _matmat(storage: Literal["lazy", "packed"], vectors: int) -> Case:
    return Case(
        f"matmat-{storage}-{vectors}", "matmat", "uint8", "float32", 3, 0.1, PRODUCT_GATE,
        storage=storage, vectors=vectors,
    )  # fmt: skip


def _empirical(
    name: str, points: int, width: int, outputs: int = 1, dtype: Result = "float32"
) -> Case:
    return Case(
        name, "empirical", "float32", dtype, 3, 0.1, EMPIRICAL_GATES[dtype],
        columns=points, rows=points, width=width, outputs=outputs, rounds=5,
    )  # fmt: skip


# The NTK of every activation beside ReLU's, the first; the NNGP of those that jump.
_ACTIVATIONS = (
    "relu", "leaky_relu(0.1)", "absolute", "relu_power(2)", "sign", "step",
    "identity", "hermite(3)", "erf", "gelu", "sin", "rbf(0.5)", "gaussian",
    "tanh", "sigmoid", "softplus", "silu", "mish", "selu",
)  # fmt: skip
_QUICK_ACTIVATIONS = ("relu", "absolute", "step", "gelu", "sin", "tanh", "selu")


def _activations(name: str, dtype: Result, data: Data = "uint8") -> Case:
    gate = ACTIVATION_GATES[dtype]
    return Case(name, "activations", data, dtype, 3, 0.1, gate, activations=_ACTIVATIONS)


CASES: tuple[Case, ...] = (
    #     name                      data       result     hidden  bias_std
    _gram("uint8-float32-bias",     "uint8",   "float32", 3,      0.1),
    _gram("uint8-float32-bias0",    "uint8",   "float32", 3,      0.0),
    _gram("uint8-float64-bias",     "uint8",   "float64", 3,      0.1),
    _gram("uint8-float64-bias0",    "uint8",   "float64", 3,      0.0),
    _gram("float32-float32-bias",   "float32", "float32", 3,      0.1),
    _gram("float32-float32-bias0",  "float32", "float32", 3,      0.0),
    _gram("deep-float32-bias0",     "uint8",   "float32", 9,      0.0),
    # Few rows: what a call costs beside its work.
    _gram("uint8-float32-32",       "uint8",   "float32", 3,      0.1, rows=32),
    _gram("uint8-float32-300",      "uint8",   "float32", 3,      0.1, rows=300),
    _gram("float32-float32-32",     "float32", "float32", 3,      0.1, rows=32),
    _gram("float32-float32-300",    "float32", "float32", 3,      0.1, rows=300),
    Case("rectangular-float32-bias", "rectangular",
                                    "uint8",   "float32", 3,      0.1, FLOAT32_GATE, rows=5_000),
    _matmat("lazy", 1),
    _matmat("lazy", 16),
    _matmat("lazy", 64),
    _matmat("packed", 1),
    _matmat("packed", 16),
    _matmat("packed", 64),
    _matmat("packed", 128),
)  # fmt: skip

# Networks 784-w-w-w-C at N points: the whole (N C, N C) kernel of their Jacobians.
EMPIRICAL: tuple[Case, ...] = (
    #          name                               N      w
    _empirical("empirical-512-w512",              512,   512),
    _empirical("empirical-2048-w512",             2_048, 512),
    _empirical("empirical-512-w2048",             512,   2_048),
    _empirical("empirical-2048-w2048",            2_048, 2_048),
    _empirical("empirical-256-w512-10-outputs",   256,   512, outputs=10),
    _empirical("empirical-2048-w512-float64",     2_048, 512, dtype="float64"),
)  # fmt: skip

ACTIVATIONS: tuple[Case, ...] = (
    _activations("activations-float32", "float32"),
    _activations("activations-float64", "float64"),
    # One table of the angle takes the place of the layers, whatever they are.
    _activations("activations-float32-equal-norms", "float32", "equal norms"),
    _activations("activations-float64-equal-norms", "float64", "equal norms"),
)

# All of MNIST, beyond what NumPy does in minutes or in memory: run only when they are named.
LARGE: tuple[Case, ...] = tuple(
    replace(case, name=name, rows=60_000, columns=60_000, baselines=False)
    for name, case in (
        ("mnist-gram", _gram("", "uint8", "float32", 3, 0.1)),  # 14.4 GB
        ("mnist-matmat-lazy-16", _matmat("lazy", 16)),
    )
)


def _on_gpu(name: str, case: Case, goal: float | None) -> Case:
    return replace(case, name=name, device="cuda", rows=60_000, columns=60_000, goal=goal)


def _empirical_on_gpu(case: Case, goal: float, **options: Any) -> Case:
    return replace(case, device="cuda", rounds=3, goal=goal, **options)


# All of MNIST on a GPU: 14.4 GB of device memory for a matrix of floats.
GPU: tuple[Case, ...] = (
    _on_gpu("gpu-uint8-float32-bias0", _gram("", "uint8", "float32", 3, 0.0), 6.5e-3),
    _on_gpu("gpu-uint8-float32-bias", _gram("", "uint8", "float32", 3, 0.1), 8e-3),
    _on_gpu("gpu-float32-float32-bias", _gram("", "float32", "float32", 3, 0.1), 35e-3),
    _on_gpu("gpu-uint8-float64-bias", _gram("", "uint8", "float64", 3, 0.1), 60e-3),
    _on_gpu("gpu-float32-float64-bias", _gram("", "float32", "float64", 3, 0.1), 60e-3),
    _on_gpu("gpu-activations-float32", _activations("", "float32"), None),
    _on_gpu("gpu-activations-float64", _activations("", "float64"), None),
    _on_gpu("gpu-matmat-lazy-64", _matmat("lazy", 64), 15e-3),
    _on_gpu(
        "gpu-kpca-50",
        Case("", "kpca", "uint8", "float32", 3, 0.1, EIGENPAIR_GATE, vectors=50, baselines=False),
        0.5,
    ),
    # The small problem of T4 figures that others have published: 3.46 ms there.
    replace(
        _empirical("gpu-empirical-16-w2048-8-outputs", 16, 2_048, outputs=8),
        inputs=3_072,
        device="cuda",
        goal=1e-3,
    ),
    # Goals from 75 GFLOP of cuBLAS and 55 of our tiles; 4 and 16 times as many for 8,192 points.
    _empirical_on_gpu(_empirical("gpu-empirical-2048-w2048", 2_048, 2_048), 4e-3),
    _empirical_on_gpu(_empirical("gpu-empirical-8192-w2048", 8_192, 2_048), 25e-3),
    _empirical_on_gpu(
        _empirical("gpu-empirical-2048-w2048-float64", 2_048, 2_048, dtype="float64"), 6e-3
    ),
    _empirical_on_gpu(
        _empirical("gpu-empirical-matmat-8192-w2048", 8_192, 2_048),
        20e-3,
        storage="lazy",
        vectors=64,
    ),
)

ALL: tuple[Case, ...] = (*CASES, *EMPIRICAL, *ACTIVATIONS, *LARGE, *GPU)


def find(pattern: str) -> tuple[Case, ...]:
    """Return the cases whose name is `pattern`, or matches it as a file name does in a shell."""
    found = tuple(case for case in ALL if fnmatchcase(case.name, pattern))
    if not found:
        names = ", ".join(case.name for case in ALL)
        raise ValueError(f"no case is called {pattern!r}; the cases: {names}")
    return found
