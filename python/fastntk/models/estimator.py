# SPDX-License-Identifier: Apache-2.0
"""What the estimators share: points as they take them, their operator, kernels of new points."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from fastntk import _backend, _validate
from fastntk._arrays import on_device
from fastntk._memory import Budget
from fastntk.gram.architecture import FullyConnected
from fastntk.gram.kernel_maker import kernel_maker
from fastntk.linalg.cross import cross_product
from fastntk.linalg.gram_operator import GramOperator
from fastntk.models.saved_estimator import SavedEstimator

if TYPE_CHECKING:
    from numpy.random import RandomState

    from fastntk.gram.kernel_maker import KernelMaker

# What has a row for each training point.
_ROWS = ("dual_coef_", "y_fit_", "eigenvectors_", "_projection")


class KernelEstimator(SavedEstimator):
    """An estimator with a network's kernel on its training points.

    Its parameters are those of `GramOperator`, and ``random_state``. Fitted it has, whatever the
    parameters are set to afterwards, the attributes ``net_``, ``scale_`` and ``X_fit_``; of new
    parameters `cross_product` reads memory, threads and device only, which do not decide what is
    computed.
    """

    net: Any
    scale: float
    storage: str | os.PathLike[str]
    dtype: DTypeLike | None
    memory: int | str | None
    random_state: int | RandomState | None
    threads: int | None
    device: str
    copy_X: bool

    def _points_to_fit(self, X: ArrayLike) -> NDArray[Any]:
        """Return data to fit, which pass scikit-learn's checks if they are the host's."""
        X = device_array(X)
        return _validate.samples(
            X if on_device(X) else checked(check_array, X, estimator=self, input_name="X")
        )

    def _network(self) -> Any:
        """Return the network, by default that of the paper."""
        return FullyConnected() if self.net is None else self.net

    def _operator(
        self, points: NDArray[Any], kernel: str, net: Any = None, **options: Any
    ) -> GramOperator:
        """Return the operator of a kernel on points; options take the place of parameters."""
        net = self._network() if net is None else net
        chosen = {
            "storage": self.storage,
            "scale": self.scale,
            "dtype": self.dtype,
            "memory": self.memory,
            "threads": self.threads,
            "device": self.device,
            "copy_X": self.copy_X,
        }
        return GramOperator(net, points, kernel, outputs="trace", **chosen | options)

    def _seed(self) -> int:
        """Return a seed drawn from the random state."""
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _keep(self, X: ArrayLike, gram: GramOperator) -> None:
        """Set what is known of data and kernel; call it when nothing can fail any more."""
        # Sets n_features_in_ and feature_names_in_.
        validate_data(self, device_array(X), skip_check_array=True)
        self.net_: Any = gram.net
        self.kernel_ = gram.kernel
        self.scale_ = float(self.scale)
        self.X_fit_: Any = gram.X
        self.n_samples_ = gram.shape[0]
        self._maker: Any = gram.maker
        self._dtype = gram.dtype

    def _fitted_parts(self) -> dict[str, Any]:
        """Return what `fit` learnt; the network is as it was then."""
        own = {
            "net": self._maker.net,
            "kernel": self.kernel_,
            "scale": self.scale_,
            "dtype": self._dtype,
            "X": self.X_fit_,
            "names": getattr(self, "feature_names_in_", None),
        }
        return own | super()._fitted_parts()

    def _restore(self, parts: dict[str, Any], engine: _backend.Engine) -> None:
        """Become as fitted, with the data where an engine reads them."""
        points = _validate.samples(parts["X"])
        self.net_, self.scale_ = parts["net"], _validate.positive(parts["scale"], "scale")
        self.kernel_ = _validate.choice(parts["kernel"], "kernel", ("ntk", "nngp"))
        self._maker = kernel_maker(self.net_, self.kernel_, self.scale_, "trace", copy=self.copy_X)
        self._dtype = _validate.result_dtype(parts["dtype"])
        self.n_samples_, self.n_features_in_ = points.shape
        self.X_fit_ = engine.asarray(points)
        for name in self._learnt_arrays:
            array = _validate.real_array(parts[name], name)
            if name in _ROWS and array.shape[:1] != points.shape[:1]:
                raise ValueError(f"{name} has shape {array.shape} for {len(points)} samples")
            setattr(self, name, engine.asarray(array))
        for name in self._learnt_values:
            setattr(self, name, parts[name])
        if parts["names"] is not None:
            self.feature_names_in_ = parts["names"]

    def _new_points(self, X: ArrayLike) -> NDArray[Any]:
        """Return points that have the features of those of `fit`."""
        check_is_fitted(self)
        X = device_array(X)
        if on_device(X):
            points = _validate.samples(X)
            validate_data(self, X, reset=False, skip_check_array=True)
            return points
        return checked(validate_data, self, X, reset=False)

    def _cross_product(self, points: NDArray[Any], V: Any) -> Any:
        """Return K(points, X_fit_) @ V by blocks within the memory budget."""
        engine = self._engine(points)
        return cross_product(
            self._maker,
            points,
            engine.asarray(self.X_fit_),
            engine.asarray(V),
            room=Budget(engine.budget_bytes(self.memory), 0, engine.name),
            threads=self.threads,
            dtype=self._dtype,
            name="X",
        )

    def _engine(self, points: NDArray[Any]) -> _backend.Engine:
        """Return what computes with new points."""
        return _backend.engine(self._maker.place or self.device, X=points, X_fit_=self.X_fit_)


class KernelAsFitted:
    """A kernel as it was at `fit`, whatever became of the network, for operators made later."""

    def __init__(self, maker: KernelMaker) -> None:
        self._maker = maker

    def kernel_maker(self, *_: object, **__: object) -> KernelMaker:
        """Return the kernel."""
        return self._maker


def checked(check: Callable[..., Any], *data: Any, **options: Any) -> NDArray[Any]:
    """Return data as they pass scikit-learn's checks, of their own type if that is a number."""
    for X in data:
        _validate.not_masked(X, "X")
    points: NDArray[Any] = check(*data, dtype="numeric", **options)
    return points


def device_array(X: Any) -> Any:
    """Return an array on a GPU as CuPy's; anything else as it is, for scikit-learn's checks."""
    array = _backend.as_array(X) if hasattr(X, "__dlpack_device__") else X
    return array if on_device(array) else X
