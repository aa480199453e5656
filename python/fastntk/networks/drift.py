# SPDX-License-Identifier: Apache-2.0
"""How a tangent kernel moves in training: drift, alignment with labels, effective rank.

Each function takes one matrix, several along leading axes or in a list, or a `Run` that recorded
them, and works in float64 where the matrices are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastntk import _validate
from fastntk._arrays import array_namespace, in_library, on_device

_NORMS = ("frobenius", "operator")
_RANKS = ("entropy", "trace", "participation")


def ntk_drift(K_t: Any, K_0: Any = None, *, norm: str = "frobenius") -> Any:
    """Return how far a kernel is from where it began, ``||K_t - K_0|| / ||K_0||``.

    Parameters
    ----------
    K_t : array_like of shape (..., n, m), list of such, or Run
        Kernels, or the ``ntk`` that a run recorded. Blocks between different points are fine.
    K_0 : array_like of shape (n, m) or (..., n, m), optional
        The kernel at the start; the first of ``K_t`` by default.
    norm : {"frobenius", "operator"}
        "operator" is the largest singular value, which costs a decomposition of each matrix.

    Returns
    -------
    float or ndarray
        One number per matrix, of the leading shape of ``K_t``.

    Raises
    ------
    ValueError
        Shapes that do not fit, no ``K_0`` for a single matrix, or a ``K_0`` that is 0.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel, C. Hongler, "Neural tangent kernel: convergence and generalization
       in neural networks", NeurIPS 2018, Theorem 2: it vanishes as the widths grow.
    .. [2] S. Fort et al., "Deep learning versus kernel learning", NeurIPS 2020, section 3: the
       drift of finite networks.
    """
    _validate.choice(norm, "norm", _NORMS)
    K_t = _kernels(K_t, "K_t")
    if K_0 is None:
        if K_t.ndim == 2:
            raise ValueError("K_0 must be given for a single K_t, got None")
        K_0 = K_t[0]
    xp = array_namespace(K_t)
    K_0 = in_library(_kernels(K_0, "K_0"), xp)
    if K_0.shape != K_t.shape[-K_0.ndim :]:
        raise ValueError(f"K_0 must have K_t's last axes {K_t.shape[-2:]}, got shape {K_0.shape}")
    size = _each(_norm(norm), K_0)
    if not (size > 0).all():
        raise ValueError("K_0 must not be zero, got a matrix of norm 0")
    return _scalar(_each(_norm(norm), K_t - K_0) / size)


def kernel_alignment(K: Any, y: Any, *, centered: bool = False) -> Any:
    """Return the alignment of a kernel with labels, ``<K, Y Y^T> / (||K|| ||Y Y^T||)``.

    Parameters
    ----------
    K : array_like of shape (..., n, n), list of such, or Run
        Symmetric kernels, or the ``ntk`` that a run recorded.
    y : array_like of shape (n,) or (n, C); of (N, C) with n = N C
        Labels: -1 and 1, or one row per point (one-hot, or real). The last is for kernels of all
        outputs, whose row i C + k belongs to output k of point i.
    centered : bool
        Whether K and Y Y^T are centred, H K H with ``H = I - 1 1^T / n`` [2]_: without it a
        constant in the kernel counts as alignment where the classes are not of one size.

    Returns
    -------
    float or ndarray
        Between -1 and 1, for positive semidefinite kernels not negative; one number per matrix.

    Raises
    ------
    ValueError
        Shapes that do not fit, or a kernel or labels that are (after centring) 0.

    References
    ----------
    .. [1] N. Cristianini, J. Shawe-Taylor, A. Elisseeff, J. Kandola, "On kernel-target alignment",
       NIPS 2001, definition 1.
    .. [2] C. Cortes, M. Mohri, A. Rostamizadeh, "Algorithms for learning kernels based on centered
       alignment", JMLR 13 (2012), definition 4.
    .. [3] A. Baratin et al., "Implicit regularization via neural feature alignment", AISTATS 2021:
       the alignment of tangent kernels grows in training.
    """
    K = _square(_kernels(K, "K"))
    xp = array_namespace(K)
    n = K.shape[-1]
    Y = in_library(_validate.real_array(y, "y"), xp).astype("float64")
    if Y.size == n:
        Y = Y.reshape(n, 1)
    if Y.ndim != 2 or Y.shape[0] != n:
        raise ValueError(f"y must have {n} rows, or {n} entries, got shape {Y.shape}")
    if centered:
        Y = Y - Y.mean(axis=0)
        K = K - K.mean(axis=-1, keepdims=True)
        K = K - K.mean(axis=-2, keepdims=True)
    target = xp.linalg.norm(Y.T @ Y)
    sizes = _each(xp.linalg.norm, K)
    if not (sizes > 0).all() or not target > 0:
        raise ValueError(
            "K and y must not be zero" + " after centring" * centered + ", got one of norm 0"
        )
    return _scalar(_each(lambda matrix: (Y * (matrix @ Y)).sum(), K) / (sizes * target))


def effective_rank(K: Any, *, kind: str = "entropy") -> Any:
    """Return in how many directions a kernel acts.

    Parameters
    ----------
    K : array_like of shape (..., n, n), list of such, or Run
        Symmetric positive semidefinite kernels, or the ``ntk`` that a run recorded.
    kind : {"entropy", "trace", "participation"}
        With ``p = lambda / sum(lambda)``: "entropy" is ``exp(-sum p log p)`` [1]_; "trace" is
        ``tr K / lambda_1 = 1 / max p`` [2]_; "participation" is
        ``(tr K)^2 / tr K^2 = 1 / sum p^2``, which needs no eigenvalues.

    Returns
    -------
    float or ndarray
        Between 1 and n; one number per matrix. "entropy" is the largest of the three and "trace"
        the least.

    Raises
    ------
    ValueError
        A matrix that is not square, or whose trace is not positive.

    Notes
    -----
    Eigenvalues below 0, which are rounding, count as 0.

    References
    ----------
    .. [1] O. Roy, M. Vetterli, "The effective rank: a measure of effective dimensionality",
       EUSIPCO 2007, definition 1.
    .. [2] P. Bartlett, P. Long, G. Lugosi, A. Tsigler, "Benign overfitting in linear regression",
       PNAS 117 (2020), definition 3, r_0.
    """
    _validate.choice(kind, "kind", _RANKS)
    K = _square(_kernels(K, "K"))
    xp = array_namespace(K)
    traces = xp.einsum("...ii->...", K)
    if not (traces > 0).all():
        raise ValueError(f"K must have a positive trace, got {float(traces.min())}")
    if kind == "participation":
        return _scalar(traces**2 / (K * K).sum(axis=(-2, -1)))

    def rank(matrix: Any) -> Any:
        values = xp.maximum(xp.linalg.eigvalsh(matrix), 0)
        if kind == "trace":
            return values.sum() / values.max()
        p = values / values.sum()
        return xp.exp(-(p * xp.log(xp.where(p > 0, p, 1))).sum())

    return _scalar(_each(rank, K))


def _kernels(K: Any, name: str) -> Any:
    """Return float64 matrices (..., n, m) from an array, a list of matrices, or a run."""
    if hasattr(K, "direction_integral"):  # a Run
        if K.ntk is None:
            raise ValueError(f"{name} must be a run that recorded kernels (Record(ntk=points))")
        K = K.ntk
    if isinstance(K, list | tuple) and len(K) and on_device(K[0]):
        K = array_namespace(K[0]).stack(K)
    array = _validate.real_array(K, name)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"{name} must be a matrix or several, got shape {array.shape}")
    return array.astype("float64", copy=False)


def _square(K: Any) -> Any:
    if K.shape[-1] != K.shape[-2]:
        raise ValueError(f"K must be square, got shape {K.shape}")
    return K


def _norm(norm: str) -> Callable[[Any], Any]:
    return _frobenius if norm == "frobenius" else _operator_norm


def _frobenius(matrix: Any) -> Any:
    return array_namespace(matrix).linalg.norm(matrix)


def _operator_norm(matrix: Any) -> Any:
    return array_namespace(matrix).linalg.norm(matrix, 2)


def _each(function: Callable[[Any], Any], K: Any) -> Any:
    """Return a function of each matrix, in an array of the leading shape."""
    xp = array_namespace(K)
    flat = K.reshape(-1, *K.shape[-2:])
    return xp.stack([xp.asarray(function(matrix)) for matrix in flat]).reshape(K.shape[:-2])


def _scalar(values: Any) -> Any:
    return float(values) if values.ndim == 0 else values
