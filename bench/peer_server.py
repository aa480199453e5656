# SPDX-License-Identifier: Apache-2.0
"""The far side of peers.py: one library in an interpreter of its own, without fastntk.

    python -m bench.peer_server LIBRARY [PROBLEM.npz]

Says on the first line of its output which version of the library it has, or what is missing, and
with a problem answers requests, one JSON object per line: ``run`` computes the kernel and keeps it,
``entries`` returns some of its entries, ``peak`` computes it and says by how much the process grew,
beyond what a first call on two points leaves (code that loads late, a compiler's own memory).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from bench import resident

_WARM_UP_POINTS = 2


@dataclass(frozen=True)
class Library:
    """One library with the problem in its own arrays."""

    version: str
    compute: Callable[[int | None], Any]  # the kernel of the first points; None: of all
    entries: Callable[[Any, Any, Any], Any]  # of the kernel, at rows and columns


def _torch(problem: Any, *, jacobians: bool) -> Library:
    from bench.baselines import torch_empirical as torch_side

    if problem is None:
        return Library(torch_side.VERSION, lambda _: None, lambda *_: None)
    X = torch_side.points(problem["X"])
    net = torch_side.network(_parameters(problem), *_factors(problem))
    kernel = torch_side.jacobian_contraction if jacobians else torch_side.layer_by_layer
    return Library(
        torch_side.VERSION,
        lambda points: kernel(X[:points], net),
        lambda K, i, j: K.numpy()[i, j].tolist(),
    )


def _neural_tangents(problem: Any) -> Library:
    if problem is not None and problem["X"].dtype == np.float64:
        os.environ["JAX_ENABLE_X64"] = "1"
    from bench.baselines import neural_tangents_empirical as jax_side

    if problem is None:
        return Library(jax_side.VERSION, lambda _: None, lambda *_: None)
    put = jax_side.put
    X = put(problem["X"])
    parameters = [(put(np.ascontiguousarray(W.T)), put(b)) for W, b in _parameters(problem)]
    outputs = len(parameters[-1][1])
    kernel = jax_side.empirical_ntk(*_factors(problem), outputs)

    def entries(K: Any, rows: Any, columns: Any) -> Any:
        (i, k), (j, other) = divmod(rows, outputs), divmod(columns, outputs)
        return np.asarray(K)[i, j, k, other].tolist()

    def compute(points: int | None) -> Any:
        return kernel(X if points is None else X[:points], parameters).block_until_ready()

    return Library(jax_side.VERSION, compute, entries)


LIBRARIES: dict[str, Callable[[Any], Library]] = {
    "torch.func": lambda problem: _torch(problem, jacobians=False),
    "torch.func jacobians": lambda problem: _torch(problem, jacobians=True),
    "neural-tangents": _neural_tangents,
}


def _parameters(problem: Any) -> list[tuple[Any, Any]]:
    layers = int(problem["layers"])
    return [(problem[f"W{layer}"], problem[f"b{layer}"]) for layer in range(layers)]


def _factors(problem: Any) -> tuple[float, float]:
    return float(problem["weight_std"]), float(problem["bias_std"])


def serve(library: Library, requests: IO[str], say: Callable[[Any], None]) -> None:
    """Answer requests until there are no more."""
    K: Any = None
    for line in requests:
        request = json.loads(line)
        if request["do"] == "run":
            K = None  # never two results in memory
            K = library.compute(None)
            say({"done": True})
        elif request["do"] == "entries":
            at = (np.asarray(request[name], np.intp) for name in ("rows", "columns"))
            say({"values": library.entries(K, *at)})
        else:
            library.compute(_WARM_UP_POINTS)
            peak, K = resident.growth(lambda: library.compute(None))
            say({"peak_bytes": peak})


def main() -> None:
    """Load the library, say so, and serve."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: Any) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    problem = dict(np.load(sys.argv[2])) if len(sys.argv) > 2 else None
    try:
        library = LIBRARIES[sys.argv[1]](problem)
    except (ImportError, AttributeError) as error:  # jax moves names from one release to the next
        say({"missing": f"{type(error).__name__}: {error}"})
        return
    say({"version": library.version})
    if problem is not None:
        serve(library, sys.stdin, say)


if __name__ == "__main__":
    main()
