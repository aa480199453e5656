# SPDX-License-Identifier: Apache-2.0
"""The empirical NTK with torch.func: layer by layer, and as a contraction of whole Jacobians.

``layer_by_layer`` is what one writes who knows the formula of numpy_empirical.py: torch.func.vjp
brings the signals of every layer, then two Grams per layer.  ``jacobian_contraction`` is what
PyTorch's tutorial on the NTK shows: vmap over jacrev, then one product per parameter; it takes rows
of the result by blocks, so that two blocks of Jacobians are in memory, never all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.func import jacrev, vjp, vmap

VERSION = f"torch {torch.__version__}"
_JACOBIAN_BYTES = 1 << 29  # of one block of Jacobians


Parameters = list[tuple[Any, Any]]  # tensors (outputs, inputs) and (outputs,) per layer


@dataclass(frozen=True)
class Network:
    """Parameters of a ReLU network, and the factors of its forward map."""

    parameters: Parameters
    weight_std: float
    bias_std: float

    def factor(self, W: Any) -> float:
        """Return what multiplies W in the forward map."""
        return self.weight_std / math.sqrt(W.shape[1])

    def outputs(self, parameters: Parameters, a: Any, *added: Any) -> tuple[Any, list[Any]]:
        """Return the outputs and every layer's input; `added` joins the preactivations."""
        inputs = []
        for layer, (W, b) in enumerate(parameters):
            a = torch.relu(a) if layer else a
            inputs.append(a)
            a = torch.addmm(b, a, W.T, beta=self.bias_std, alpha=self.factor(W))
            a = a + added[layer] if layer < len(added) else a
        return a, inputs


def network(parameters: list[tuple[Any, Any]], weight_std: float, bias_std: float) -> Network:
    """Return the network with tensors on the memory of arrays, NumPy's or CuPy's."""
    return Network([(points(W), points(b)) for W, b in parameters], weight_std, bias_std)


def points(X: Any) -> Any:
    """Return a tensor on the memory of an array, NumPy's or CuPy's."""
    return torch.from_dlpack(X)


def layer_by_layer(X: Any, net: Network) -> Any:
    """Return the (N C, N C) kernel from the signals and inputs of every layer."""
    with torch.no_grad():
        weights = [W for W, _ in net.parameters]
        zeros = [X.new_zeros(len(X), len(W)) for W in weights[:-1]]
        outputs, pull, inputs = vjp(
            lambda *added: net.outputs(net.parameters, X, *added), *zeros, has_aux=True
        )
        points, count = outputs.shape
        identity = torch.eye(count, dtype=X.dtype, device=X.device)
        seeds = identity[:, None, :].expand(count, points, count)
        signals = vmap(pull)(seeds)  # per hidden layer (C, N, width)
        G = _inner_products(inputs[-1], weights[-1], net)
        K = torch.einsum("ij,kl->ikjl", G, identity).contiguous()
        for layer, D in enumerate(signals):
            rows = D.transpose(0, 1).reshape(points * count, -1)
            S = (rows @ rows.T).view(points, count, points, count)
            K += S.mul_(_inner_products(inputs[layer], weights[layer], net)[:, None, :, None])
        return K.view(points * count, points * count)


def _inner_products(A: Any, W: Any, net: Network) -> Any:
    return (A @ A.T).mul_(net.factor(W) ** 2).add_(net.bias_std**2)


def jacobian_contraction(X: Any, net: Network) -> Any:
    """Return the (N C, N C) kernel from Jacobians with respect to all parameters."""
    outputs = len(net.parameters[-1][1])
    size = sum(W.numel() + b.numel() for W, b in net.parameters)
    step = max(1, min(len(X), _JACOBIAN_BYTES // (outputs * size * X.element_size())))

    def of_one_point(parameters: Parameters, x: Any) -> Any:
        return net.outputs(parameters, x[None])[0][0]

    def jacobian(block: Any) -> list[Any]:
        J = vmap(jacrev(of_one_point), (None, 0))(net.parameters, block)
        return [part.flatten(2).flatten(0, 1) for layer in J for part in layer]

    with torch.no_grad():
        K = X.new_empty(len(X) * outputs, len(X) * outputs)
        starts = range(0, len(X), step)
        for i in starts:
            left = jacobian(X[i : i + step])
            rows = slice(i * outputs, (i + step) * outputs)
            for j in starts[i // step :]:
                right = left if i == j else jacobian(X[j : j + step])
                columns = slice(j * outputs, (j + step) * outputs)
                block = sum(a @ b.T for a, b in zip(left, right, strict=True))
                K[rows, columns] = block
                if i != j:
                    K[columns, rows] = block.T
        return K
