# SPDX-License-Identifier: Apache-2.0
"""The empirical NTK with neural-tangents: its structured derivatives, jitted.

neural-tangents 0.6.5 has structured derivatives with jax 0.4.25 or earlier only.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

# Its part for TensorFlow, which is not used here, would need TensorFlow to be installed.
sys.modules.setdefault(
    "neural_tangents.experimental", types.ModuleType("neural_tangents.experimental")
)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import neural_tangents as nt  # noqa: E402

VERSION = f"neural-tangents {nt.__version__}, jax {jax.__version__}"

put = jax.device_put  # an array as one of jax's

Parameters = list[tuple[Any, Any]]  # (inputs, outputs) and (outputs,) per layer, as in nt.stax


def empirical_ntk(
    weight_std: float, bias_std: float, outputs: int
) -> Callable[[Any, Parameters], Any]:
    """Return the compiled kernel: (X, parameters) to (N, N, C, C)."""

    def network(parameters: Parameters, X: Any) -> Any:
        a = X
        for layer, (W, b) in enumerate(parameters):
            a = jax.nn.relu(a) if layer else a
            a = (weight_std / W.shape[0] ** 0.5) * jnp.dot(a, W) + bias_std * b
        return a

    kernel = nt.empirical_ntk_fn(
        network,
        trace_axes=(-1,) if outputs == 1 else (),  # the same of one output, and faster
        vmap_axes=0,
        implementation=nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    )

    def with_output_axes(X: Any, parameters: Parameters) -> Any:
        K = kernel(X, None, parameters)
        return K[:, :, None, None] if outputs == 1 else K

    compiled: Callable[[Any, Parameters], Any] = jax.jit(with_output_axes)
    return compiled
