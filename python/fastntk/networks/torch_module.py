# SPDX-License-Identifier: Apache-2.0
"""The Jacobian of a PyTorch module, by torch.func; PyTorch is imported when it is asked for."""

from __future__ import annotations

import contextlib
import importlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from fastntk import _backend, _validate
from fastntk._progress import Meter
from fastntk.networks.jacobian import Jacobian

if TYPE_CHECKING:
    from collections.abc import Iterator

# Layers of torch.nn that mix the samples of a batch, or draw numbers, while they train.
_TRAINING_ONLY = (
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "SyncBatchNorm",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
    "RReLU",
)


def torch_jacobian(
    module: Any, X: Any, *, block: int = 256, memory: int | str | None = None
) -> Jacobian:
    """Return the Jacobian of a PyTorch module's outputs by its parameters that require gradients.

    Parameters
    ----------
    module : torch.nn.Module
        Parameters of one dtype, float32 or float64, on one device. It is called with blocks of
        samples, whose outputs must not depend on each other: batch normalisation and dropout must
        be in evaluation mode.
    X : torch.Tensor or array_like of shape (N, ...)
        The samples. Tensors reach the module as they are, moved to its device; arrays of real
        numbers in the parameters' dtype.
    block : int
        Samples at a time.
    memory : int or str, optional
        Budget in bytes, or for instance "8 GB", for vectors and results; what PyTorch takes for a
        block is not counted. By default half of what is available, nine tenths on a GPU.

    Returns
    -------
    Jacobian
        Of shape (N C, P): outputs of any shape are flattened to C per sample, parameters in the
        order of ``module.named_parameters()``.

    Raises
    ------
    ImportError
        PyTorch is not installed.
    TypeError
        Not a module; parameters of other or different dtypes.
    ValueError
        No parameter requires gradients, no samples, layers in training mode, or outputs without an
        axis for the samples.

    Notes
    -----
    Products with vectors are ``torch.func.jvp`` and ``vjp`` of ``functional_call``, several columns
    at once by ``vmap``. The parameters are read when a product is asked for. With float64 vectors a
    float32 module is called with its parameters, buffers and samples in float64.

    On a GPU vectors and results are CuPy's.

    Examples
    --------
    ::

        jacobian = fn.torch_jacobian(module.eval(), X)
        pairs = fn.eigenpairs(fn.JacobianOperator(jacobian), k=10)
    """
    try:
        torch: Any = importlib.import_module("torch")
        importlib.import_module("torch.func")
    except ImportError as error:
        raise ImportError(
            f"torch_jacobian needs PyTorch 2.0 or later (pip install torch): {error}"
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    return TorchJacobian(torch, module, X, block, memory)


class TorchJacobian(Jacobian):
    """What `torch_jacobian` returns; arguments are its own, checked for a module."""

    def __init__(
        self, torch: Any, module: Any, X: Any, block: int, memory: int | str | None
    ) -> None:
        self._torch, self._module = torch, module
        named = {name: p for name, p in module.named_parameters() if p.requires_grad}
        first = _only(torch, named)
        _require_evaluation(torch, module)
        self._names = tuple(named)
        self._shapes = tuple(tuple(p.shape) for p in named.values())
        self._block = _validate.integer(block, "block", at_least=1)
        self.dtype = np.dtype(str(first.dtype).removeprefix("torch."))
        on_gpu = first.device.type == "cuda"
        self._engine = _backend.engine(f"cuda:{first.device.index}" if on_gpu else "cpu")
        self.place, self.xp, self.host = self._engine.name, self._engine.xp, not on_gpu
        self.nbytes, self.budget = 0, self._engine.budget_bytes(memory)
        self._points = self._samples(X, first)
        with torch.no_grad():
            sample = module(self._points[:1])
        if sample.ndim == 0 or sample.shape[0] != 1:
            raise ValueError(
                "module must return outputs whose first axis is that of the samples, got shape "
                f"{tuple(sample.shape)} for one sample"
            )
        self.samples, self.outputs = len(self._points), int(sample.numel())
        parameters = sum(math.prod(shape) for shape in self._shapes)
        self.shape = (self.samples * self.outputs, parameters)

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device CuPy's current one, if the module is on a GPU."""
        return self._engine.here()

    def pushforward(self, V: Any, meter: Meter) -> Any:
        """Return J v of each row of V; see `Jacobian.pushforward`."""
        func, C = self._torch.func, self.outputs
        parameters, call = self._function(V.dtype)
        directions = self._split(self._tensor(V))
        products = self.xp.empty((len(V), self.shape[0]), V.dtype)
        for first, last, points in self._blocks(V.dtype):

            def pushed(direction: Any, points: Any = points) -> Any:
                return func.jvp(lambda p: call(p, points), (parameters,), (direction,))[1]

            own = func.vmap(pushed)(directions).reshape(len(V), -1)
            products[:, first * C : last * C] = self._array(own)
            meter.add((last - first) * len(V))
        return products

    def pullback(self, U: Any, meter: Meter) -> Any:
        """Return J^T u of each row of U; see `Jacobian.pushforward`."""
        func, C = self._torch.func, self.outputs
        parameters, call = self._function(U.dtype)
        gradients = self.xp.zeros((len(U), self.shape[1]), U.dtype)
        weights = self._tensor(U)
        for first, last, points in self._blocks(U.dtype):

            def outputs(p: Any, points: Any = points) -> Any:
                return call(p, points)

            _, pull = func.vjp(outputs, parameters)
            own = weights[:, first * C : last * C].reshape(len(U), last - first, C)
            gradients += self._joined(func.vmap(pull)(own)[0], len(U))
            meter.add((last - first) * len(U))
        return gradients

    def rows(self, first: int, last: int, dtype: DTypeLike) -> Any:
        """Return the gradients at some samples, each by itself; see `Jacobian.rows`."""
        func = self._torch.func
        parameters, call = self._function(np.dtype(dtype))
        points = self._in(self._points[first:last], np.dtype(dtype))

        def one(p: Any, point: Any) -> Any:
            return call(p, point.unsqueeze(0))[0]

        by_sample = func.vmap(func.jacrev(one), in_dims=(None, 0))(parameters, points)
        return self._joined(by_sample, (last - first) * self.outputs)

    def _function(self, dtype: np.dtype[Any]) -> tuple[dict[str, Any], Any]:
        """Return the parameters, and the outputs (samples, C) as a function of them and points."""
        module, call = self._module, self._torch.func.functional_call
        every = dict(module.named_parameters()) | dict(module.named_buffers())
        tensors = {name: self._in(tensor.detach(), dtype) for name, tensor in every.items()}
        parameters = {name: tensors.pop(name) for name in self._names}
        C = self.outputs

        def outputs(p: dict[str, Any], points: Any) -> Any:
            return call(module, (tensors, p), (points,)).reshape(len(points), C)

        return parameters, outputs

    def _blocks(self, dtype: np.dtype[Any]) -> Iterator[tuple[int, int, Any]]:
        """Return the first and last samples of each block, and its points."""
        for first in range(0, self.samples, self._block):
            last = min(first + self._block, self.samples)
            yield first, last, self._in(self._points[first:last], dtype)

    def _in(self, tensor: Any, dtype: np.dtype[Any]) -> Any:
        """Return a tensor of the module in float32 or float64; others than its floats as it is."""
        own = getattr(self._torch, self.dtype.name)
        return tensor.to(getattr(self._torch, dtype.name)) if tensor.dtype == own else tensor

    def _samples(self, X: Any, parameter: Any) -> Any:
        """Return the samples as a tensor on the module's device."""
        if isinstance(X, self._torch.Tensor):
            points = X.detach().to(parameter.device)
        else:
            array = _validate.real_array(X, "X")
            with self.here():
                points = self._tensor(self.xp.array(self.xp.asarray(array), self.dtype, order="C"))
        if points.ndim == 0 or points.numel() == 0:
            raise ValueError(f"X must have at least one sample, got shape {tuple(points.shape)}")
        return points

    def _split(self, rows: Any) -> dict[str, Any]:
        """Return vectors (k, P) as stacks of the parameters' shapes."""
        parts, start = {}, 0
        for name, shape in zip(self._names, self._shapes, strict=True):
            count = math.prod(shape)
            parts[name] = rows[:, start : start + count].reshape(len(rows), *shape)
            start += count
        return parts

    def _joined(self, parts: dict[str, Any], count: int) -> Any:
        """Return stacks of the parameters' shapes as vectors (count, P)."""
        rows = [parts[name].reshape(count, -1) for name in self._names]
        return self._array(self._torch.cat(rows, dim=1))

    def _tensor(self, array: Any) -> Any:
        """Return a tensor that shares the memory of a writeable array; DLPack lends no others."""
        own = array if getattr(array.flags, "writeable", True) else array.copy()
        return self._torch.from_dlpack(own)

    def _array(self, tensor: Any) -> Any:
        """Return an array that shares a tensor's memory."""
        return self.xp.from_dlpack(tensor.detach().contiguous())


def _only(torch: Any, named: dict[str, Any]) -> Any:
    """Return a parameter that stands for the dtype and device of all."""
    if not named:
        raise ValueError("module must have a parameter that requires gradients, got none")
    kinds = {(p.dtype, p.device) for p in named.values()}
    if len(kinds) > 1 or next(iter(kinds))[0] not in (torch.float32, torch.float64):
        found = ", ".join(sorted({f"{dtype} on {device}" for dtype, device in kinds}))
        raise TypeError(
            "module must have its parameters in one dtype, float32 or float64, on one device, "
            f"got {found}"
        )
    return next(iter(named.values()))


def _require_evaluation(torch: Any, module: Any) -> None:
    """Require that no layer mixes the samples of a batch or draws numbers."""
    kinds = tuple(getattr(torch.nn, name) for name in _TRAINING_ONLY)
    for name, layer in module.named_modules():
        if layer.training and isinstance(layer, kinds):
            raise ValueError(
                f"module must be in evaluation mode (module.eval()), got {name or 'module'}, a "
                f"{type(layer).__name__}, in training mode: its outputs are not a function of each "
                "sample"
            )
