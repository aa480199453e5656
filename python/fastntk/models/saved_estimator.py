# SPDX-License-Identifier: Apache-2.0
"""Estimators as files of numbers and text, and as pickles that know which version they are of."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from fastntk import _backend, _saving
from fastntk._version import __version__

if TYPE_CHECKING:
    from typing_extensions import Self

_VERSION = "_fastntk_version"


class PickleVersionWarning(InconsistentVersionWarning):  # type: ignore[misc]
    """An estimator was pickled by another version of fastntk."""

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was pickled by fastntk {self.original_sklearn_version} and is "
            f"read by fastntk {self.current_sklearn_version}: a pickle is for the version that "
            "wrote it, and may fail or predict otherwise in another. Files of save() are for later "
            "versions too"
        )


class SavedEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator with ``save`` and ``load``.

    What `fit` learnt is named by its class: ``_learnt_arrays`` lie where the data do,
    ``_learnt_values`` are the host's.
    """

    _learnt_arrays: tuple[str, ...] = ()
    _learnt_values: tuple[str, ...] = ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimator to a file, fitted or not; `load` gives an equal one.

        The file is an npz archive of arrays and JSON, without code, with a version; it appears
        whole or not at all, under the name as it is given. Fitted, it has ``X_fit_``; of a
        `GaussianProcess` by the method "dense" also the triangle of its factor, 4 N^2 bytes, or at
        a finite time its eigenvectors, 8 N^2. It has no attributes of others, and of scikit-learn's
        metadata routing no requests: pickles keep these.

        Parameters
        ----------
        path : path
            A file that is there is replaced; its permissions stay.

        Raises
        ------
        TypeError
            A parameter that is no number, text or network, as a `UserKernel` or a RandomState: a
            file holds no code. A ``dtype`` that is none. A subclass of the estimator.
        OSError
            No such folder, no file but a device or pipe at the path, or too little room on the
            disk: said before anything is written.
        """
        _saving.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str | None = None) -> Self:
        """Return the estimator that `save` wrote: it predicts the same, to the bit where it was.

        Parameters
        ----------
        path : path
            The file.
        device : {"auto", "cpu", "cuda", "cuda:N"}, optional
            Takes the place of the parameter ``device``: "cpu" restores on this machine what was
            made for a GPU. On a GPU that is named, arrays are CuPy's; by default, and for "auto",
            they are NumPy's.

        Raises
        ------
        ValueError
            The file was not saved by fastntk, by a newer one, holds something else, or is damaged;
            there is no such device, or by default not the one of the parameter ``device``.
        OSError
            It cannot be read.
        """
        model: Self = _saving.loaded(path, cls, device)
        return model

    def _saved_parts(self) -> dict[str, Any]:
        parameters = self.get_params(deep=False)
        if parameters["dtype"] is not None:
            parameters["dtype"] = _dtype_name(parameters["dtype"])
        output = getattr(self, "_sklearn_output_config", {}).get("transform")
        fitted = self._fitted_parts() if hasattr(self, "X_fit_") else None
        return {"parameters": parameters, "output": output, "fitted": fitted}

    @classmethod
    def _from_parts(cls, parts: dict[str, Any], device: str | None) -> Self:
        moved = {} if device is None else {"device": device}
        model = cls(**parts["parameters"] | moved)
        if model.device != "auto":
            _require_device(model.device)
        if parts["output"] is not None:
            model.set_output(transform=parts["output"])
        if parts["fitted"] is not None:
            on_gpu = device is not None and device.startswith("cuda")
            engine = _backend.engine(str(device)) if on_gpu else _backend.CPU
            with engine.here():
                model._restore(parts["fitted"], engine)
        return model

    def _fitted_parts(self) -> dict[str, Any]:
        """Return what `fit` learnt."""
        names = (*self._learnt_arrays, *self._learnt_values)
        return {name: getattr(self, name) for name in names}

    def _restore(self, parts: dict[str, Any], engine: _backend.Engine) -> None:
        """Become as fitted, with the data where an engine reads them."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return state | {_VERSION: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        written = state.get(_VERSION, "before 0.1")
        if written != __version__:
            warnings.warn(
                PickleVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=written,
                ),
                stacklevel=2,
            )
        super().__setstate__({name: one for name, one in state.items() if name != _VERSION})


def _dtype_name(dtype: Any) -> str:
    try:
        return str(np.dtype(dtype).name)
    except (TypeError, ValueError):
        raise TypeError(f"dtype must be 'float32' or 'float64', got {dtype!r}") from None


def _require_device(device: Any) -> None:
    """Require that the device which an estimator was made for is on this machine."""
    try:
        _backend.engine(device)
    except ValueError as error:
        raise ValueError(f"{error}; load(path, device='cpu') restores it on the CPU") from None
