# SPDX-License-Identifier: Apache-2.0
"""Operators, eigenpairs and kernel PCA on a GPU agree with the CPU's, in the caller's library."""

import numpy as np
import pytest

import fastntk as fn

NET = fn.FullyConnected(2)
STORAGES = ["dense", "packed", "lazy"]
# Two float32 kernels, each within 6e-7 of the exact one, and float32 products of 1e-7.
CLOSE = {"float32": 2e-6, "float64": 1e-11}


@pytest.fixture
def V(rng):
    return rng.standard_normal((300, 5))


@pytest.mark.parametrize("storage", STORAGES)
def test_products(gpu, X, V, dtype, storage):
    cp = gpu.cupy
    V = V.astype(dtype)
    host = fn.GramOperator(NET, X, dtype=dtype, storage=storage, device="cpu")
    want = host.matmat(V)
    atol = CLOSE[dtype] * np.abs(host.to_dense()).sum(axis=1).max() * np.abs(V).max()
    for data in (X, cp.asarray(X)):
        op = fn.GramOperator(NET, data, dtype=dtype, storage=storage, device="cuda")
        assert (op.place, op.storage, op.xp) == ("cuda:0", storage, cp)
        there, back = op.matmat(cp.asarray(V)), op.matmat(V)
        assert isinstance(there, cp.ndarray)
        assert isinstance(back, np.ndarray)
        assert there.dtype == back.dtype == np.float64
        np.testing.assert_array_equal(there.get(), back)
        np.testing.assert_allclose(back, want, rtol=0, atol=atol)
        assert isinstance(op @ cp.asarray(V[:, 0]), cp.ndarray)
        assert (op @ V).dtype == dtype


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("wrap", [lambda op: op, fn.CenteredOperator], ids=["plain", "centred"])
def test_entries(gpu, X, dtype, storage, wrap):
    cp = gpu.cupy
    host = wrap(fn.GramOperator(NET, X, dtype=dtype, storage=storage, device="cpu"))
    K, scale = host.to_dense(), CLOSE[dtype] * float(host.diagonal().max()) * 10
    for data, library in ((X, np), (cp.asarray(X), cp)):
        op = wrap(fn.GramOperator(NET, data, dtype=dtype, storage=storage, device="cuda"))
        for got, want in ((op.diagonal(), host.diagonal()), (op.to_dense(), K)):
            assert isinstance(got, library.ndarray)
            assert got.dtype == dtype
            np.testing.assert_allclose(_host(got), want, rtol=0, atol=scale)
        for out in (np.empty(K.shape), cp.empty(K.shape), cp.empty(K.shape, dtype=dtype)):
            assert op.to_dense(out) is out
            np.testing.assert_allclose(_host(out), K, rtol=0, atol=scale)


def _host(array):
    return array if isinstance(array, np.ndarray) else array.get()


def test_centred_products_and_means(gpu, X, V):
    cp = gpu.cupy
    host = fn.CenteredOperator(fn.GramOperator(NET, X, dtype="float64", device="cpu"))
    op = fn.CenteredOperator(fn.GramOperator(NET, cp.asarray(X), dtype="float64"))
    np.testing.assert_allclose(
        op.matmat(cp.asarray(V)).get(), host.matmat(V), rtol=0, atol=1e-9 * host.diagonal().sum()
    )
    assert isinstance(op.row_means, cp.ndarray)
    np.testing.assert_allclose(op.row_means.get(), host.row_means, rtol=1e-12)


def test_vectors_that_are_not_finite(gpu, X, V):
    """Columns of CuPy arrays become NaN, without waiting; NumPy's are refused as everywhere."""
    op = fn.GramOperator(NET, gpu.cupy.asarray(X))
    V[3, 1], V[4, 4] = np.nan, np.inf
    product = op.matmat(gpu.cupy.asarray(V)).get()
    np.testing.assert_array_equal(np.isnan(product).all(axis=0), [False, True, False, False, True])
    np.testing.assert_array_equal(np.isnan(product).any(axis=0), [False, True, False, False, True])
    with pytest.raises(ValueError, match="V must be finite"):
        op.matmat(V)


def test_places(gpu, X, V):
    cp = gpu.cupy
    op = fn.GramOperator(NET, X, device="cpu")
    with pytest.raises(TypeError, match="V must be where the operator is, on cpu, got a CuPy arr"):
        op.matmat(cp.asarray(V))
    with pytest.raises(TypeError, match="out must be where the operator is, on cpu"):
        op.to_dense(cp.empty((300, 300), dtype=np.float32))
    with pytest.raises(TypeError, match=r"Z must be where .*, on cpu, got a CuPy array on cuda:0"):
        op.cross(cp.asarray(X))


def test_another_device(standin, X, V):
    cp = standin.cupy
    op = fn.GramOperator(NET, X, device="cuda:1")
    with pytest.raises(TypeError, match="on cuda:1, got a CuPy array on cuda:0"):
        op.matmat(cp.asarray(V))
    with pytest.raises(TypeError, match="on cuda:1, got a CuPy array on cuda:0"):
        op.cross_matmat(cp.asarray(X), V)
    # Whatever the current device is, work is where the operator is.
    assert isinstance(op.matmat(V), np.ndarray)
    for method in ("dense", "krylov"):
        pairs = fn.eigenpairs(op, 2, method=method)
        assert isinstance(pairs.vectors, np.ndarray)
    centred = fn.CenteredOperator(op)
    centred.to_dense(), centred.diagonal(), op.cross(X[:4]), op.cross_matmat(X[:4], V)
    fn.eigenpairs(centred, 2)
    fn.KernelPCA(NET, 2, device="cuda:1", centered=True).fit(X).transform(X)
    assert {device for _, device, _ in standin.native.calls} == {1}


def test_data_on_another_device(standin, X, V):
    """What the caller has made current does not matter."""
    cp = standin.cupy
    with cp.cuda.Device(1):
        data, columns = cp.asarray(X), cp.asarray(V)
        vector = cp.asarray(V[:, 0].astype(np.float32))
        K = cp.asarray(NET.ntk(X, device="cpu"))
    op = fn.GramOperator(NET, data)
    for one in (op, fn.CenteredOperator(op), fn.GramOperator.from_matrix(K)):
        results = (
            one @ vector,
            one.matmat(columns),
            one.matmat(columns[:, :0]),
            one.diagonal(),
            one.to_dense(),
            one.columns(np.arange(3)),
            fn.eigenpairs(one, 2, method="krylov").vectors,
            fn.solve(one, columns, 1.0, method="cg").value,
            fn.solve(one, columns, 1.0, method="cholesky").value,
        )
        assert {result.device.id for result in results} == {1}
    assert {device for _, device, _ in standin.native.calls} == {1}


def test_new_points(gpu, X, V, rng):
    cp = gpu.cupy
    Z = rng.integers(0, 256, (270, 20)).astype(np.uint8)
    host = fn.GramOperator(NET, X, dtype="float64", device="cpu")
    for data in (X, cp.asarray(X)):
        op = fn.GramOperator(NET, data, dtype="float64", device="cuda")
        for points in (Z, cp.asarray(Z), cp.asarray(Z.astype(float))):
            K, product = op.cross(points), op.cross_matmat(points, V)
            assert type(K) is type(product) is type(points)
            np.testing.assert_allclose(_host(K), host.cross(Z), rtol=1e-11)
            np.testing.assert_allclose(
                _host(product), host.cross_matmat(Z, V), rtol=0, atol=1e-9 * host.diagonal().sum()
            )
        bad = cp.asarray(np.full((2, 20), np.nan))
        with pytest.raises(ValueError, match="Z must be finite, got nan"):
            op.cross(bad)


@pytest.mark.parametrize("method", ["dense", "krylov"])
@pytest.mark.parametrize("wrap", [lambda op: op, fn.CenteredOperator], ids=["plain", "centred"])
def test_eigenpairs(gpu, X, dtype, method, wrap):
    cp = gpu.cupy
    K = wrap(fn.GramOperator(NET, X, dtype="float64", device="cpu")).to_dense()
    want = np.linalg.eigvalsh(K)[::-1][:4]
    for data, library in ((X, np), (cp.asarray(X), cp)):
        op = wrap(fn.GramOperator(NET, data, dtype=dtype, device="cuda"))
        pairs = fn.eigenpairs(op, 4, method=method)
        for array in (pairs.values, pairs.vectors, pairs.residuals):
            assert isinstance(array, library.ndarray)
        assert pairs.converged
        values, vectors = _host(pairs.values), _host(pairs.vectors)
        # Entries of relative error 6e-7 move eigenvalues by that of the trace; tol is 1e-6.
        np.testing.assert_allclose(values, want, rtol=0, atol=2e-6 * np.trace(K))
        residuals = np.linalg.norm(K @ vectors - vectors * values, axis=0)
        assert residuals.max() <= 3e-6 * np.trace(K)


def test_failures_of_cusolver_raise(standin, X, monkeypatch):
    """CuPy ignores them by default, and Cholesky's garbage would be taken for a basis."""
    op = fn.GramOperator(fn.FullyConnected(0, bias_std=0.0), standin.cupy.asarray(X[:, :2]))
    pairs = fn.eigenpairs(op, 3, method="krylov")  # of rank 2: blocks become singular
    assert pairs.converged
    assert np.isfinite(pairs.vectors.get()).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ready_matrices(gpu, X, V, dtype):
    cp = gpu.cupy
    K = NET.ntk(X, dtype=dtype, device="cpu")
    want = fn.GramOperator.from_matrix(K).matmat(V)
    op = fn.GramOperator.from_matrix(cp.asarray(K))
    assert (op.place, op.host) == ("cuda:0", False)
    atol = CLOSE[dtype] * np.abs(K).sum(axis=1).max() * np.abs(V).max()
    np.testing.assert_allclose(op.matmat(cp.asarray(V)).get(), want, rtol=0, atol=atol)
    copied = fn.GramOperator.from_matrix(K, device="cuda")
    assert (copied.place, copied.host) == ("cuda:0", True)
    np.testing.assert_allclose(copied.matmat(V), want, rtol=0, atol=atol)
    assert isinstance(fn.eigenpairs(cp.asarray(K), 2).values, cp.ndarray)
    assert fn.GramOperator.from_matrix(K).place == "cpu"


def test_bad_matrices(gpu):
    cp = gpu.cupy
    for match, bad in [
        ("symmetric", [[1.0, 2.0], [3.0, 4.0]]),
        ("finite", [[np.nan, 1.0], [1.0, 1.0]]),
        ("square", [[1.0, 2.0]]),
    ]:
        with pytest.raises(ValueError, match=f"K must be .*{match}"):
            fn.GramOperator.from_matrix(cp.asarray(bad))


def test_files_are_the_cpu_s(standin, X, tmp_path):
    path = tmp_path / "K.gram"
    for data, device in ((X, "cuda"), (standin.cupy.asarray(X), "auto")):
        with pytest.raises(ValueError, match=r"storage in a file is the CPU's.*storage='lazy'"):
            fn.GramOperator(NET, data, storage=path, device=device)
    assert not path.exists()
    assert fn.GramOperator(NET, X, storage=path).place == "cpu"
    assert standin.native.calls == []


def test_later_changes_to_the_data(gpu, X):
    data = gpu.cupy.asarray(X)
    op = fn.GramOperator(NET, data, storage="lazy")
    before = op.to_dense().get()
    data[...] = 0
    np.testing.assert_array_equal(op.to_dense().get(), before)


@pytest.mark.parametrize("centered", [False, True])
def test_kernel_pca(gpu, X, rng, centered):
    pytest.importorskip("sklearn")
    cp = gpu.cupy
    Z = rng.integers(0, 256, (50, 20)).astype(np.uint8)
    options = {"centered": centered, "dtype": "float64", "tol": 1e-10}
    host = fn.KernelPCA(NET, 3, device="cpu", **options).fit(X)
    for library, data, points in ((np, X, Z), (cp, cp.asarray(X), cp.asarray(Z))):
        model = fn.KernelPCA(NET, 3, device="cuda", **options).fit(data)
        for name in (
            "eigenvalues_",
            "eigenvalues_over_n_",
            "eigenvectors_",
            "residuals_",
            "X_fit_",
        ):
            assert isinstance(getattr(model, name), library.ndarray), name
        assert model.n_features_in_ == 20
        np.testing.assert_allclose(_host(model.eigenvalues_), host.eigenvalues_, rtol=1e-9)
        scale = np.abs(host.transform(Z)).max()
        scores = model.transform(points)
        assert isinstance(scores, library.ndarray)
        np.testing.assert_allclose(_host(scores), host.transform(Z), rtol=0, atol=1e-7 * scale)
        fitted = model.fit_transform(data)
        assert isinstance(fitted, library.ndarray)
        np.testing.assert_allclose(
            _host(fitted), _host(model.transform(data)), rtol=0, atol=1e-7 * scale
        )


def test_kernel_pca_refusals(gpu, X):
    pytest.importorskip("sklearn")
    cp = gpu.cupy
    model = fn.KernelPCA(NET, 2).fit(cp.asarray(X))
    with pytest.raises(ValueError, match="expecting 20 features"):
        model.transform(cp.asarray(X[:, 1:]))
    with pytest.raises(TypeError, match="X_fit_ must be where X is: X is a NumPy array, X_fit_ is"):
        model.transform(X)
    with pytest.raises(ValueError, match="X must be 2-D"):
        fn.KernelPCA(NET, 2).fit(cp.asarray(X[0]))
    with pytest.raises(ValueError, match="between 1 and the number of samples"):
        fn.KernelPCA(NET, 301).fit(cp.asarray(X))
