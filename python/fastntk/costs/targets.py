# SPDX-License-Identifier: Apache-2.0
"""Targets as arrays of the shape, type and place of the outputs."""

from __future__ import annotations

from typing import Any

from fastntk._arrays import array_namespace, beside, to_host


def as_outputs(y: Any, f: Any) -> Any:
    """Return targets of shape (N, C) or f's; (N,) is a column."""
    if y.shape == (f.shape[-2],) and f.shape[-1] == 1:
        return y[:, None]
    if y.shape not in {f.shape, f.shape[-2:]}:
        several = f" or {f.shape}" if f.ndim == 3 else ""
        raise ValueError(f"y must have the outputs' shape {f.shape[-2:]}{several}, got {y.shape}")
    return y


def like_outputs(y: Any, f: Any) -> Any:
    """Return targets in f's library and dtype, where f is."""
    xp = array_namespace(f)
    if array_namespace(y) is not xp:
        y = to_host(y)
    with beside(f):
        return xp.asarray(y, dtype=f.dtype)


def one_hot(labels: Any, f: Any) -> Any:
    """Return rows with a 1 for each class, of f's library and dtype."""
    classes = f.shape[-1]
    if labels.dtype.kind not in "ui":
        raise TypeError(f"y of shape (N,) must hold integer classes, got dtype {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"y must hold classes from 0 to {classes - 1}, got {low if low < 0 else high}"
        )
    labels = to_host(labels) if array_namespace(f) is not array_namespace(labels) else labels
    xp = array_namespace(f)
    with beside(f):
        classes_row = xp.arange(classes)
        return (xp.asarray(labels)[:, None] == classes_row).astype(f.dtype)
