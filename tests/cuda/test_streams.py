# SPDX-License-Identifier: Apache-2.0
"""What waits for what: nothing but the preparation, and one stream for another where it must."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)


def test_kernels_do_not_wait(standin, X):
    """Results are left in flight: the host reads nothing of CuPy's."""
    data = standin.cupy.asarray(X.astype(np.float32))
    NET.ntk(data)
    NET.kernels(data, data[:5])
    NET.ntk(data, out=standin.cupy.empty((300, 300), dtype=np.float32))
    assert [entry for entry in standin.cupy.log if entry[0] == "sync"] == []


@pytest.mark.parametrize("storage", ["packed", "lazy"])
def test_products_do_not_wait(standin, X, rng, storage):
    op = fn.GramOperator(NET, standin.cupy.asarray(X), storage=storage)
    V = standin.cupy.asarray(rng.standard_normal((300, 3)).astype(np.float32))
    standin.cupy.log.clear()
    op.matmat(V)
    op @ V
    op.diagonal()
    op.to_dense()
    assert standin.cupy.log == []


def test_centred_products_do_not_wait(standin, X, rng):
    op = fn.CenteredOperator(fn.GramOperator(NET, standin.cupy.asarray(X), storage="packed"))
    V = standin.cupy.asarray(rng.standard_normal((300, 3)))
    standin.cupy.log.clear()
    op.matmat(V)
    assert standin.cupy.log == []


def test_the_current_stream_is_taken(standin, X):
    data = standin.cupy.asarray(X)
    stream = standin.cupy.cuda.Stream(non_blocking=True)
    with stream:
        NET.ntk(data)
    NET.ntk(data)
    assert [(name, s) for name, _, s in standin.native.calls] == [
        ("prepare", stream.ptr),
        ("to_dense", stream.ptr),
        ("prepare", 0),
        ("to_dense", 0),
    ]


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
def test_a_source_on_another_stream(standin, X, storage):
    """It waits until the source is ready; the source's stream, and memory, for its end."""
    cp = standin.cupy
    home, other = cp.cuda.Stream(), cp.cuda.Stream()
    with home:
        op = fn.GramOperator(NET, cp.asarray(X), storage=storage)
    ready = [number for kind, stream, number in (e for e in cp.log if e[0] == "record")][-1]
    with home:
        cp.log.clear()
        V = cp.asarray(np.ones((300, 1)))
        op.matmat(V)
        assert cp.log == []
    with other:
        V = cp.asarray(np.ones((300, 1)))
        op.matmat(V)
    (waits, records, end) = cp.log
    assert waits == ("wait", other.ptr, ready)
    assert records[:2] == ("record", other.ptr)
    assert end == ("wait", home.ptr, records[2])
    assert standin.native.calls[-1] == ("matmat", 0, other.ptr)


def test_a_call_that_fails_on_another_stream_is_waited_for_too(standin, X):
    cp = standin.cupy
    op = fn.GramOperator(NET, cp.asarray(X), storage="packed")
    cp.log.clear()
    standin.native.failure.append("a call: cudaErrorIllegalAddress")
    V = cp.asarray(np.ones((300, 1)))
    with cp.cuda.Stream() as stream, pytest.raises(fn.CudaError):
        op.matmat(V)
    assert cp.log[-1][:2] == ("wait", 0)
    assert cp.log[-2][:2] == ("record", stream.ptr)


def test_progress_is_told_of_queueing(standin, X):
    told = []
    NET.ntk(standin.cupy.asarray(X), progress=lambda *step: told.append(step))
    assert told == [("kernel", 0, 1), ("kernel", 1, 1)]


def test_progress_may_stop(standin, X):
    def stop(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        NET.ntk(standin.cupy.asarray(X), progress=stop)
    assert [name for name, *_ in standin.native.calls] == ["prepare"]
