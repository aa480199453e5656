# SPDX-License-Identifier: Apache-2.0
"""`solve` on an operator whose arrays are of another library, as those of a GPU are.

The arrays of this library are no NumPy arrays: NumPy's functions refuse them, as they refuse
CuPy's, and mixing them with arrays of the host is an error. What `solve` may ask of a library is
what is listed here, all of which CuPy has.
"""

import operator

import numpy as np
import pytest

from fastntk.linalg import SymmetricOperator, solve


def unwrapped(value):
    """Return the array behind ours; numbers and slices pass, arrays of the host do not."""
    if isinstance(value, Remote):
        return value.array
    if isinstance(value, tuple):
        return tuple(unwrapped(one) for one in value)
    if isinstance(value, np.ndarray) or not isinstance(
        value, (bool, int, float, slice, np.generic, type(None))
    ):
        raise TypeError(f"an array of the host, or {type(value)}, beside one of the device")
    return value


def wrapped(value):
    return Remote(value) if isinstance(value, (np.ndarray, np.generic)) else value


def _binary(name):
    return lambda self, other: wrapped(getattr(operator, name)(self.array, unwrapped(other)))


def _in_place(name):
    def apply(self, other):
        self.array = getattr(operator, name)(self.array, unwrapped(other))
        return self

    return apply


class Remote:
    """An array that only its own library understands."""

    __array_ufunc__ = None  # NumPy's operators defer to ours, and its functions refuse

    def __init__(self, array):
        self.array = np.asarray(array)

    @property
    def xp(self):
        return Library

    def __array__(self, *_, **__):
        raise TypeError("an array of the device is not converted implicitly")

    def get(self):
        return self.array.copy()

    def __bool__(self):
        return bool(self.array)

    def __len__(self):
        return len(self.array)

    def __getitem__(self, key):
        return wrapped(self.array[unwrapped(key)])

    def __setitem__(self, key, value):
        value = value if isinstance(value, (int, float)) else unwrapped(value)
        self.array[unwrapped(key)] = value

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)
    dtype = property(lambda self: self.array.dtype)
    T = property(lambda self: Remote(self.array.T))

    def __neg__(self):
        return Remote(-self.array)


for _name in ("add", "sub", "mul", "truediv", "matmul", "pow", "le", "lt", "gt"):
    setattr(Remote, f"__{_name}__", _binary(_name))
for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(Remote, f"__{_name}__", _in_place(_name))
for _name in ("add", "mul"):
    setattr(
        Remote,
        f"__r{_name}__",
        lambda self, other, name=_name: wrapped(
            getattr(operator, name)(unwrapped(other), self.array)
        ),
    )
for _name in ("sum", "max", "all", "astype", "copy", "reshape"):
    setattr(
        Remote,
        _name,
        lambda self, *args, name=_name, **options: wrapped(
            getattr(self.array, name)(*args, **options)
        ),
    )


class Library:
    """The functions of the other library."""

    @staticmethod
    def asarray(a, dtype=None):
        return Remote(np.array(a.array if isinstance(a, Remote) else a, dtype=dtype))

    @staticmethod
    def where(condition, x, y):
        return Remote(np.where(condition.array, unwrapped(x), unwrapped(y)))


for _name in ("empty", "zeros", "arange"):
    setattr(
        Library,
        _name,
        staticmethod(
            lambda *args, name=_name, **options: Remote(getattr(np, name)(*args, **options))
        ),
    )
for _name in ("abs", "sqrt", "isfinite"):
    setattr(Library, _name, staticmethod(lambda a, name=_name: Remote(getattr(np, name)(a.array))))


class Elsewhere(SymmetricOperator):
    """A matrix in the memory of a device."""

    xp = Library

    def __init__(self, K):
        self.K = Remote(K)
        self.shape, self.dtype = K.shape, K.dtype
        self.nbytes, self.budget = K.nbytes, 10**9

    def matmat(self, V, progress=None):
        assert isinstance(V, Remote)
        if progress is not None:
            progress("product", 1, 1)
        return Remote((self.K.array @ V.array).astype(np.float64))

    def diagonal(self):
        return Remote(self.K.array.diagonal())

    def to_dense(self, out=None):
        out[:] = self.K
        return out


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("host", [True, False])
@pytest.mark.parametrize("columns", [(), (5,)])
@pytest.mark.parametrize("method", ["cholesky", "cg"])
def test_solutions_stay_with_the_operator(method, columns, host, dtype, rng):
    A = rng.standard_normal((600, 700))
    K = (A @ A.T / 700).astype(dtype)
    B = rng.standard_normal((600, *columns))
    calls = []
    solution = solve(
        Elsewhere(K),
        B if host else Remote(B),
        0.1,
        method=method,
        progress=lambda *call: calls.append(call),
    )
    assert calls
    assert isinstance(solution.value, Remote)
    assert isinstance(solution.residuals, np.ndarray)
    assert solution.converged
    A = solution.value.get()
    assert A.shape == B.shape
    residual = np.linalg.norm(B - K.astype(np.float64) @ A - 0.1 * A, axis=0)
    # The tolerance, and room for the stand-in's own float32 products.
    assert (residual <= 1.01e-6 * np.linalg.norm(B, axis=0)).all()


@pytest.mark.parametrize(
    ("B", "error", "message"),
    [
        (Remote(np.ones(599)), ValueError, r"B must have shape \(600,\) or .* got shape \(599,\)"),
        (Remote(np.full(600, np.nan)), ValueError, "B must be finite, got NaN or infinity"),
        (Remote(np.ones(600, complex)), TypeError, "B must hold real numbers, got dtype complex"),
    ],
)
def test_bad_right_hand_sides_of_a_device(B, error, message):
    with pytest.raises(error, match=message):
        solve(Elsewhere(np.eye(600)), B)


def test_singular_matrices_of_a_device_are_said():
    K = np.eye(600)
    K[500, 7] = K[7, 500] = 1
    with pytest.raises(np.linalg.LinAlgError, match=r"row 500 .* 1 times row 7"):
        solve(Elsewhere(K), np.ones(600), method="cholesky")


@pytest.mark.parametrize("misuse", [np.linalg.norm, np.sqrt, lambda a: a + np.ones(3)])
def test_the_library_refuses_what_a_device_would(misuse):
    with pytest.raises(TypeError):
        misuse(Remote(np.ones(3)))
