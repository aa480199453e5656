# SPDX-License-Identifier: Apache-2.0
"""Data and `out` that cannot be used: what is raised, and that the message says why."""

import re

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)
X = np.random.default_rng(41).standard_normal((10, 784))
METHODS = ["ntk", "nngp", "kernels"]


def say(*essentials):
    """Match a message that has all essentials, in this order."""
    return ".*".join(re.escape(part) for part in essentials)


@pytest.fixture(params=METHODS)
def call(request):
    """Every method that takes data."""
    return getattr(NET, request.param)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *((name, shape) for name in "XY" for shape in [(), (784,), (2, 3, 4, 5)]),
        ("Y", (2, 3, 4)),  # as X it is a batch
    ],
)
def test_number_of_dimensions(call, name, shape):
    """Two, and no guess about a single row."""
    bad = np.ones(shape)
    args = (bad,) if name == "X" else (X, bad)
    with pytest.raises(ValueError, match=say(name, "2-D (samples, features)", str(shape))):
        call(*args)


@pytest.mark.parametrize("shape", [(0, 784), (10, 0), (0, 0)])
@pytest.mark.parametrize("name", ["X", "Y"])
def test_empty(call, name, shape):
    """No samples, or no features."""
    args = (np.empty(shape),) if name == "X" else (X, np.empty(shape))
    with pytest.raises(ValueError, match=say(name, "at least one", str(shape))):
        call(*args)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["float32", "float64", "float16"])
@pytest.mark.parametrize("name", ["X", "Y"])
def test_not_finite(call, name, kind, value):
    """The first bad entry and its place."""
    bad = X.astype(kind)
    bad[7, 300] = value
    args = (bad,) if name == "X" else (X, bad)
    with pytest.raises(ValueError, match=say(name, "finite", str(value), "[7, 300]")):
        call(*args)


def test_infinities_that_cancel_are_noticed():
    """Their sum is NaN, not inf."""
    bad = np.ones((4, 4))
    bad[1, 1], bad[2, 2] = np.inf, -np.inf
    with pytest.raises(ValueError, match=say("X", "finite", "[1, 1]", "2 such entries")):
        NET.ntk(bad)


def test_columns_differ(call):
    """Y's shape against X's columns."""
    with pytest.raises(ValueError, match=say("Y must have X's 784 columns, got", "(10, 783)")):
        call(X, X[:, 1:])


@pytest.mark.parametrize(
    ("bad", "came"),
    [
        (X.astype(complex), "complex128"),
        (X.astype(object), "object"),
        (np.full((2, 2), "1.5"), "<U3"),
        (np.full((2, 2), b"1"), "|S1"),
        (np.zeros((2, 2), "M8[s]"), "datetime64[s]"),
        (np.zeros((2, 2), "m8[s]"), "timedelta64[s]"),
        (np.zeros((2, 2), [("a", float)]), "[('a', '<f8')]"),
        ("images.npy", "<U10"),
        ({"a": 1}, "object"),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
@pytest.mark.parametrize("name", ["X", "Y"])
def test_not_real_numbers(call, name, bad, came):
    """Nothing is converted by force; the dtype is named."""
    args = (bad,) if name == "X" else (X, bad)
    with pytest.raises(TypeError, match=say(name, "real numbers", came)):
        call(*args)


def test_no_data(call):
    """None is no data; as Y it means X."""
    with pytest.raises(TypeError, match=say("X", "real numbers", "object")):
        call(None)


@pytest.mark.parametrize("name", ["X", "Y"])
def test_ragged(call, name):
    """Rows of different lengths."""
    bad = [[1.0, 2.0], [3.0]]
    args = (bad,) if name == "X" else (X, bad)
    with pytest.raises(TypeError, match=say(name, "array", "unequal lengths")):
        call(*args)


def test_numbers_float64_cannot_hold(call):
    """No silent rounding: long doubles and integers beyond 2^53."""
    with pytest.raises(TypeError, match=say("X", "integers", str(2**53 + 2))):
        call(np.array([[1, 2**53 + 2]]))
    if np.dtype(np.longdouble).itemsize > 8:
        with pytest.raises(TypeError, match=say("X", "64-bit", str(np.dtype(np.longdouble)))):
            call(X.astype(np.longdouble))


@pytest.mark.parametrize("method", ["ntk", "nngp"])
class TestOut:
    """`out` is filled as it is, or refused."""

    @pytest.mark.parametrize("shape", [(10, 9), (11, 10), (10,), (1, 10, 10)])
    def test_shape(self, method, shape):
        """The shape expected and the one that came."""
        with pytest.raises(ValueError, match=say("out", "(10, 10)", str(shape))):
            getattr(NET, method)(X, out=np.empty(shape))

    @pytest.mark.parametrize("kind", ["float32", "int64", "complex128", ">f8"])
    def test_dtype(self, method, kind):
        """The dtype expected and the one that came."""
        with pytest.raises(TypeError, match=say("out", "float64", str(np.dtype(kind)))):
            getattr(NET, method)(X, out=np.empty((10, 10), kind))

    @pytest.mark.parametrize(
        "bad", [np.empty((10, 20))[:, ::2], np.empty((10, 10)).T], ids=["strided", "fortran"]
    )
    def test_layout(self, method, bad):
        """Written in C order only."""
        if bad.flags.c_contiguous:
            pytest.fail("the case is not what it says")
        with pytest.raises(ValueError, match=say("out", "C-contiguous")):
            getattr(NET, method)(X, out=bad)

    def test_read_only(self, method):
        """Never written through."""
        out = np.empty((10, 10))
        out.flags.writeable = False
        with pytest.raises(ValueError, match=say("out", "writeable", "read-only")):
            getattr(NET, method)(X, out=out)

    @pytest.mark.parametrize("of", ["X", "Y"])
    def test_overlap(self, method, of):
        """The result would overwrite the data while it is read."""
        shared = np.ones((30, 10))
        args = (shared[5:15], X[:, :10]) if of == "X" else (X[:, :10], shared[5:15])
        with pytest.raises(ValueError, match=say("out", "overlap")):
            getattr(NET, method)(*args, out=shared[14:24])
        apart = shared[20:]
        assert getattr(NET, method)(*args, out=apart) is apart

    @pytest.mark.parametrize("bad", [[[0.0] * 10] * 10, "K.npy", 3])
    def test_not_an_array(self, method, bad):
        """A list would be filled and thrown away."""
        with pytest.raises(TypeError, match=say("out", "NumPy or CuPy array", type(bad).__name__)):
            getattr(NET, method)(X, out=bad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_more_memory_than_there_is(call, dtype):
    """Said before allocating, with the bytes needed and the bytes there are."""
    n = 4_000_000
    huge = np.broadcast_to(np.uint8(1), (n, 1))
    needed = n * n * np.dtype(dtype).itemsize * (2 if call.__name__ == "kernels" else 1)
    with pytest.raises(MemoryError, match=rf"({n}, {n}|\({n}).*{needed} bytes.*\d+ bytes"):
        call(huge, dtype=dtype)


def test_a_refused_call_leaves_out_alone():
    """Checks come before writes."""
    out = np.full((10, 10), 7.0)
    bad = X.copy()
    bad[9, 783] = np.nan
    with pytest.raises(ValueError, match="finite"):
        NET.ntk(bad, out=out)
    assert (out == 7).all()
