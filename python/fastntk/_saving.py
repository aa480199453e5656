# SPDX-License-Identifier: Apache-2.0
"""Networks, operators and estimators as files, and back: `fastntk.load`.

An object is saved as its parts by name (plain values, arrays, further objects) in a file of
`fastntk._archive`, and made anew from them. Parts of a class are its fields if it is a dataclass,
else what its method ``_saved_parts()`` returns and ``_from_parts(parts, device)`` takes. A file
names classes of `CLASSES` and nothing else: reading one imports, evaluates and calls nothing that
it says, and writes nowhere.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from fastntk import _archive, _backend
from fastntk._arrays import on_device, to_host

# What files hold, and where it comes from.
CLASSES = {
    "Activation": "fastntk.activations",
    "FiniteNetwork": "fastntk.networks.network",
    "FullyConnected": "fastntk.gram.architecture",
    "GaussianProcess": "fastntk.models",
    "GramOperator": "fastntk.linalg.gram_operator",
    "KernelClassifier": "fastntk.models",
    "KernelPCA": "fastntk.models",
    "KernelRidge": "fastntk.models",
    "RBF": "fastntk.gram.user_kernel",
}
# Numbers, truth values, text and dates: arrays that need no pickle.
_PLAIN_KINDS = "biufcSUmM"


def save(thing: object, path: str | os.PathLike[str]) -> None:
    """Write an object of `CLASSES` to a file, which appears whole or not at all.

    Raises
    ------
    TypeError
        It has a part that is neither numbers nor text nor of these classes: the message names it.
    OSError
        See `fastntk._archive.write`.
    """
    writer = _Writer()
    node = writer.node(thing, ())
    _archive.write(path, {"saved": node}, writer.arrays)


def load(path: str | os.PathLike[str], *, device: str | None = None) -> Any:
    """Return what a ``save`` method wrote: an estimator, an operator, or a network.

    Parameters
    ----------
    path : path
        The file.
    device : {"auto", "cpu", "cuda", "cuda:N"}, optional
        Where to restore it: as the ``load`` of its class does, with its own default, which for an
        estimator is the device that it was made for. "cpu" restores any file on any machine.

    Returns
    -------
    KernelPCA, KernelRidge, KernelClassifier, GaussianProcess, GramOperator or FiniteNetwork
        Equal to what was saved.

    Raises
    ------
    ValueError
        The file was not saved by fastntk, by a newer one, or is damaged; there is no such device,
        or not that of the estimator; an operator's file of tiles is not there, or not finished.
    ImportError
        An estimator, where scikit-learn is missing.
    OSError
        It cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastntk as fn
    >>> model = fn.KernelRidge(ridge=1e-2).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model"))
    ...     again = fn.load(os.path.join(folder, "model"))
    >>> bool((again.predict([[0.5]]) == model.predict([[0.5]])).all())
    True
    """
    return loaded(path, None, device)


def loaded(
    path: str | os.PathLike[str], cls: type | None, device: str | None, **options: Any
) -> Any:
    """Return what a file holds, an object of a given class; other arguments are its own.

    Raises
    ------
    ValueError
        As for `load`, or it is of another class.
    """
    if device is not None:
        _backend.engine(device)  # refuses what there is not, before anything is read
    content, arrays = _archive.read(path)
    name, reader = os.fsdecode(path), _Reader(arrays, device)
    try:
        kind = content["saved"]["class"]
        known = CLASSES[kind]
    except _archive.MALFORMED as error:
        raise ValueError(f"{name} holds nothing that is known ({_told(error)})") from None
    if cls is not None and kind != cls.__name__:
        raise ValueError(
            f"{name} holds a {kind}, not a {cls.__name__}: fastntk.load, or {kind}.load, reads it"
        )
    getattr(importlib.import_module(known), kind)  # what it needs is missing: not the file's fault
    try:
        return reader.thing(content["saved"], **options)
    except _archive.MALFORMED as error:
        raise ValueError(f"{name} holds a {kind} that is not restored ({_told(error)})") from error


class _Writer:
    """Values as nodes of JSON; arrays are set aside under names."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}

    def node(self, value: Any, where: tuple[str, ...]) -> Any:
        """Return a value as a node; ``where`` are the names that lead to it."""
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, list | tuple):
            return [self.node(one, (*where, str(i))) for i, one in enumerate(value)]
        if isinstance(value, dict):
            return {"dict": self._nodes(value, where)}
        if isinstance(value, np.ndarray) or on_device(value):
            return self._array(to_host(value), where)
        tagged = _tagged(value)
        return self._thing(value, where) if tagged is None else tagged

    def _nodes(self, values: dict[str, Any], where: tuple[str, ...]) -> dict[str, Any]:
        return {key: self.node(value, (*where, key)) for key, value in values.items()}

    def _array(self, array: Any, where: tuple[str, ...]) -> dict[str, Any]:
        if array.dtype == object and array.ndim == 1 and all(isinstance(v, str) for v in array):
            return {"texts": [str(one) for one in array]}  # names and labels, as pandas has them
        if array.dtype.kind not in _PLAIN_KINDS:
            raise TypeError(
                f"{'.'.join(where)} holds values of type {array.dtype}, which cannot be saved: a "
                "file has numbers and text"
            )
        name = ".".join(where)
        # A network is often a parameter, and once more the kernel that was fitted.
        for other, there in self.arrays.items():
            if other.rpartition(".")[2] == where[-1] and _same_bits(array, there):
                return {"array": other}
        self.arrays[name] = array
        return {"array": name}

    def _thing(self, value: Any, where: tuple[str, ...]) -> dict[str, Any]:
        kind = type(value).__name__
        if kind not in CLASSES or _class(kind) is not type(value):
            what = f"{'.'.join(where)} is " if where else ""
            raise TypeError(
                f"{what}{type(value).__module__}.{type(value).__qualname__}, which cannot be saved:"
                f" a file holds no code, only objects of {', '.join(CLASSES)}"
            )
        if dataclasses.is_dataclass(value):
            parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        else:
            parts = value._saved_parts()
        return {"class": kind, "parts": self._nodes(parts, where)}


class _Reader:
    """Nodes as values."""

    def __init__(self, arrays: dict[str, Any], device: str | None) -> None:
        self._arrays, self._device = arrays, device
        self._known: dict[str, Any] = {}

    def thing(self, node: dict[str, Any], **options: Any) -> Any:
        """Return the object that a node describes."""
        cls = _class(node["class"])
        parts = {key: self._value(one) for key, one in node["parts"].items()}
        if dataclasses.is_dataclass(cls):
            made: Any = cls
            return made(**parts)
        return cls._from_parts(parts, self._device, **options)

    def _value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._value(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "class" in node:
            # A network that is a parameter, and that of the fit, may be one.
            text = json.dumps(node)
            if text not in self._known:
                self._known[text] = self.thing(node)
            return self._known[text]
        ((form, value),) = node.items()
        if form == "dict":
            return {key: self._value(one) for key, one in value.items()}
        return self._arrays[value] if form == "array" else _untagged(form, value)


def _tagged(value: object) -> Any:
    """Return the node of a value that JSON has no word for; None for any other."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.dtype):
        return {"dtype": value.name}
    return {"path": os.fsdecode(value)} if isinstance(value, os.PathLike) else None


def _untagged(form: str, value: Any) -> Any:
    match form:
        case "dtype":
            return np.dtype(value)
        case "float":
            return float(value)
        case "path":
            return Path(value)
        case "texts":
            return np.array([*value, None], dtype=object)[:-1]  # of objects, were there none
    raise ValueError(f"there is no part of form {form!r}")


def _class(kind: str) -> Any:
    return getattr(importlib.import_module(CLASSES[kind]), kind)


def _same_bits(array: Any, other: Any) -> bool:
    """Return whether one array in the file will do for both."""
    if array is other:
        return True
    order = array.flags.f_contiguous, array.flags.c_contiguous
    if (array.dtype, array.shape) != (other.dtype, other.shape) or not array.size:
        return False
    if order != (other.flags.f_contiguous, other.flags.c_contiguous) or not any(order):
        return False
    a, b = (one.reshape(-1, order="A").view(np.uint8) for one in (array, other))
    return bool(np.array_equal(a, b))


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
