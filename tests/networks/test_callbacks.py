# SPDX-License-Identifier: Apache-2.0
"""Jacobians by a user's callbacks, and what every Jacobian does with the vectors it is given."""

import numpy as np
import pytest

import fastntk as fn

# Sums of at most 12 float64 products, in another order.
ROUNDING = 1e-14


@pytest.fixture
def J(rng):
    return rng.standard_normal((6, 12))


def of_matrix(J, **options):
    return fn.CallbackJacobian(lambda v: J @ v, lambda u: J.T @ u, J.shape, **options)


def test_products(J, rng):
    jacobian = of_matrix(J, outputs=2)
    assert (jacobian.samples, jacobian.outputs, jacobian.shape) == (3, 2, (6, 12))
    assert (jacobian.T.shape, jacobian.T.T) == ((12, 6), jacobian)
    V, U = rng.standard_normal((12, 3)), rng.standard_normal((6, 4))
    for got, want in (
        (jacobian @ V, J @ V),
        (jacobian @ V[:, 0], J @ V[:, 0]),
        (jacobian.matmat(V), J @ V),
        (jacobian.T @ U, J.T @ U),
        (jacobian.T @ U[:, 0], J.T @ U[:, 0]),
        (jacobian.rmatmat(U), J.T @ U),
        (jacobian.to_dense(), J),
    ):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=ROUNDING * 12)
    assert (jacobian @ V[:, :0]).shape == (6, 0)


def test_callbacks_are_given_their_type(J):
    given = []

    def jvp(v):
        given.append(v.dtype)
        return J.astype(np.float32) @ v

    jacobian = fn.CallbackJacobian(
        jvp, lambda u: J.T.astype(np.float32) @ u, J.shape, dtype="float32"
    )
    assert (jacobian @ np.ones(12)).dtype == np.float64
    assert (jacobian @ np.ones(12, np.float32)).dtype == np.float32
    assert set(given) == {np.dtype(np.float32)}


def test_dense_into_memory_that_is_given(J):
    out = np.empty(J.shape)
    assert of_matrix(J, memory=1000).to_dense(out) is out
    np.testing.assert_array_equal(out, J)


@pytest.mark.parametrize(
    ("vjp", "message"),
    [
        (lambda J, u: 1.01 * (J.T @ u), r"jvp and vjp must be products with one matrix and its"),
        (lambda J, u: J[:, :6] @ u, r"vjp must return shape \(12,\), got \(6,\)"),
        (lambda J, u: (J.T @ u)[:, None], r"vjp must return shape \(12,\), got \(12, 1\)"),
        (lambda J, u: np.full(12, np.nan), r"vjp must return finite numbers"),
    ],
)
def test_what_is_no_transpose_is_refused(J, vjp, message):
    with pytest.raises(ValueError, match=message):
        fn.CallbackJacobian(lambda v: J @ v, lambda u: vjp(J, u), J.shape)


def test_callbacks_of_less_precision_are_refused(J):
    """And the message says what they may differ by; as float32 callbacks they are right."""
    single = J.astype(np.float32)

    def jvp(v):
        return single @ v.astype(np.float32)

    def vjp(u):
        return single.T @ u.astype(np.float32)

    with pytest.raises(ValueError, match=r"may differ by .* in float64"):
        fn.CallbackJacobian(jvp, vjp, J.shape)
    fn.CallbackJacobian(jvp, vjp, J.shape, dtype="float32")


def test_the_check_can_be_left_out(J):
    calls = []
    fn.CallbackJacobian(calls.append, calls.append, J.shape, check=False)
    assert calls == []


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"jvp": 3}, TypeError, "jvp must be callable, got 3"),
        ({"shape": (6,)}, ValueError, r"shape must be \(rows, parameters\), got \(6,\)"),
        ({"shape": (6, 0)}, ValueError, "shape must be at least 1, got 0"),
        ({"outputs": 4}, ValueError, "shape must have a multiple of outputs=4 rows, got 6"),
        ({"dtype": "int8"}, TypeError, "dtype must be 'float32' or 'float64'"),
        ({"memory": "much"}, ValueError, "memory must be"),
        ({"vjp": lambda u: "no"}, TypeError, "the result of vjp must hold real numbers"),
    ],
)
def test_bad_arguments(J, change, error, message):
    arguments = {"jvp": lambda v: J @ v, "vjp": lambda u: J.T @ u, "shape": J.shape} | change
    with pytest.raises(error, match=message):
        fn.CallbackJacobian(**arguments)


def test_bad_vectors(J):
    jacobian = of_matrix(J)
    for call, message in (
        (lambda: jacobian @ np.ones(6), r"V must have shape \(12, columns\), got shape \(6, 1\)"),
        (lambda: jacobian.T @ np.ones(12), r"U must have shape \(6, columns\), got shape"),
        (lambda: jacobian.matmat(np.ones(12)), r"V must have shape \(12, columns\), got shape"),
        (lambda: jacobian @ np.full(12, np.inf), "V must be finite, got NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_memory(J):
    jacobian = of_matrix(J, memory=575)
    with pytest.raises(MemoryError, match=r"a dense 6 x 12 Jacobian in float64 needs 576 bytes"):
        jacobian.to_dense()
    with pytest.raises(MemoryError, match=r"4 product\(s\) of length 6 in float64 needs 576 bytes"):
        jacobian.matmat(np.ones((12, 4)))


def test_what_callbacks_raise_is_raised(J):
    def jvp(v):
        raise RuntimeError("no")

    jacobian = fn.CallbackJacobian(jvp, lambda u: J.T @ u, J.shape, check=False)
    with pytest.raises(RuntimeError, match="no"):
        jacobian @ np.ones(12)


def test_progress(J):
    calls = []
    of_matrix(J).matmat(np.ones((12, 3)), lambda *call: calls.append(call))
    assert calls[0][0] == "Jacobian product"
    assert calls[-1] == ("Jacobian product", 18, 18)
    of_matrix(J).to_dense(progress=lambda *call: calls.append(call))
    assert calls[-1] == ("Jacobian", 6, 6)
