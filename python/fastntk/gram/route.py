# SPDX-License-Identifier: Apache-2.0
"""Which way a kernel is computed, and why: what `FullyConnected.explain` returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastntk.activations.facts import covering

if TYPE_CHECKING:
    from fastntk.activations import Activation

_PRODUCTS = {
    "exact 32-bit integers": "uint8 data: products of integers have no error",
    "exact integers in double": (
        "uint8 data whose products outgrow 32 bits (more than 33,025 columns, or a large bias)"
    ),
    "24-bit fixed point": (
        "float32 data on a matrix unit: rows are rounded to 24 bits, sums of products are not"
    ),
    "float, summed in double": "float32 data: short sums in float32 are added up in float64",
    "double": "float64 data, a float64 recursion, or mostly close pairs of float32 data",
}


@dataclass(frozen=True)
class Route:
    """How the engine computes a kernel for some data.

    Attributes
    ----------
    instruction_set : str
        What the kernels were compiled for: the best that this processor runs, or FASTNTK_ISA. The
        name and compute capability of a GPU.
    product : str
        How inner products are formed: "exact 32-bit integers", "exact integers in double",
        "24-bit fixed point", "float, summed in double" or "double".
    columns, data_columns : int
        Columns multiplied, and columns of the data: those that are zero throughout one side drop
        out of every product.
    recursion : {"none", "table", "layers"}
        "table": all rows share one function of the angle, and the layers are read from it.
    recursion_dtype : {"float32", "float64"}
        In which the angles are followed; the result is rounded once at the end.
    acute : bool
        No value is negative, so no inner product is: shorter polynomials, or half a table, serve
        the first hidden layer. False where there is none.
    equal_mixing : tuple of bool
        For each hidden layer, whether all rows mix weights and biases alike.
    reasons : tuple of str
        Why, in words.
    theory : tuple of str
        For each activation, which theorem of Jacot, Gabriel and Hongler (2018) covers the network's
        limit: 1, at initialisation, asks for a Lipschitz function; 2, in training, also for a
        bounded second derivative.
    """

    instruction_set: str
    product: str
    columns: int
    data_columns: int
    recursion: str
    recursion_dtype: str
    acute: bool
    equal_mixing: tuple[bool, ...]
    reasons: tuple[str, ...]
    theory: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line per choice."""
        return "\n".join(
            (
                f"instruction set  {self.instruction_set}",
                f"products         {self.product}, {self.columns} of {self.data_columns} columns",
                f"recursion        {self.recursion}, in {self.recursion_dtype}",
                *(f"  {reason}" for reason in self.reasons),
                *(f"theory           {line}" for line in self.theory),
            )
        )


def route_of(
    native: dict[str, Any], activations: Iterable[Activation] = (), notes: Iterable[str] = ()
) -> Route:
    """Put the engine's own account into words.

    Parameters
    ----------
    native : dict
        The ``route`` of a limiting source.
    activations : iterable of Activation
        Those of the network's hidden layers.
    notes : iterable of str
        What there is to say of tables that stand for activations.
    """
    layers = native["layers"]
    recursion = "none" if not layers else "table" if native["tabulated"] else "layers"
    dtype = "float64" if native["double_recursion"] else "float32"
    acute = any(layer["angle_level"] >= 0 for layer in layers[:1])
    equal = tuple(layer["equal"] for layer in layers)
    reasons = [_PRODUCTS[native["product"]], *notes]
    idle = native["data_columns"] - native["columns"]
    if idle > 0:
        columns = "1 column is" if idle == 1 else f"{idle} columns are"
        reasons.append(f"{columns} zero in all rows of one side")
    if recursion == "table":
        reasons.append(
            "all rows mix alike (bias_std = 0, or equal norms): one table for all layers"
        )
    elif layers and all(equal):
        reasons.append(
            "all rows mix alike, but a table does not apply, or costs or errs more than the layers"
        )
    elif layers:
        reasons.append("rows of different norms with a bias mix differently: layer by layer")
    if native["widened"]:
        reasons.append(f"{_why_widened(layers)}: float64, rounded once")
    return Route(
        instruction_set=native["isa"],
        product=native["product"],
        columns=native["columns"],
        data_columns=native["data_columns"],
        recursion=recursion,
        recursion_dtype=dtype,
        acute=acute,
        equal_mixing=equal,
        reasons=tuple(reasons),
        theory=tuple(f"{one}: {covering(one.facts)}" for one in dict.fromkeys(activations)),
    )


def _why_widened(layers: Sequence[dict[str, Any]]) -> str:
    if any(layer["activation"] != "relu" for layer in layers):
        return "float32 layers would pass the error bound, or the entries are too few to measure it"
    layer = "one float32 layer" if len(layers) == 1 else "so many float32 layers"
    return f"{layer} would pass the error bound"
