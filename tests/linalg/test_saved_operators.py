# SPDX-License-Identifier: Apache-2.0
"""Operators as files: the same entries to the bit, and the same kernel of new points."""

import numpy as np
import pytest

import fastntk as fn
from fastntk import _archive
from gram_files import forget

NET = fn.FullyConnected(hidden_layers=2, bias_std=0.2)


def points(rng, kind, n=150):
    if kind == "uint8":
        return rng.integers(0, 256, (n, 9), dtype=np.uint8)
    return rng.standard_normal((n, 9)).astype(kind)


def assert_same(op, again, X):
    """Compare all that an operator is asked for."""
    for name in ("kernel", "scale", "outputs", "storage", "dtype", "shape", "net", "nbytes"):
        assert getattr(again, name) == getattr(op, name), name
    np.testing.assert_array_equal(again.to_dense(), op.to_dense(), strict=True)
    np.testing.assert_array_equal(again.X, op.X, strict=True)
    V = np.eye(op.shape[0])[:, :3]
    np.testing.assert_array_equal(again @ V, op @ V)
    np.testing.assert_array_equal(again.cross(X[:4]), op.cross(X[:4]))


@pytest.mark.parametrize("storage", ["dense", "packed", "lazy"])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_operators_of_data(tmp_path, rng, storage, kind):
    X = points(rng, kind)
    options = {"scale": 1 / 255} if kind == "uint8" else {}
    op = fn.GramOperator(NET, X, "nngp", storage, **options)
    op.save(tmp_path / "op")
    assert_same(op, fn.GramOperator.load(tmp_path / "op", threads=1), X)
    assert type(fn.load(tmp_path / "op", device="cpu")) is fn.GramOperator


@pytest.mark.parametrize("kernel", [fn.RBF(2.0), "finite network"])
@pytest.mark.parametrize("storage", ["dense", "lazy"])
def test_other_kernels(tmp_path, rng, kernel, storage):
    X, outputs = points(rng, "float64", 40), "full"
    if kernel == "finite network":
        outputs = (1, 1)
        kernel = fn.FiniteNetwork(fn.FullyConnected(1), (9, 30, 2), seed=3, dtype="float64")
    op = fn.GramOperator(kernel, X, storage=storage, outputs=outputs)
    op.save(tmp_path / "op")
    again = fn.GramOperator.load(tmp_path / "op")
    np.testing.assert_array_equal(again.to_dense(), op.to_dense(), strict=True)
    np.testing.assert_array_equal(again.cross(X[:4]), op.cross(X[:4]))
    assert again.outputs == outputs


def test_the_network_of_the_time(tmp_path, rng):
    """An operator is of the parameters as they were when it was made."""
    X = points(rng, "float32", 20)
    w = fn.FiniteNetwork(fn.FullyConnected(1), (9, 30, 1))
    op = fn.GramOperator(w, X, storage="lazy")
    w.flat = w.flat * 2
    op.save(tmp_path / "op")
    np.testing.assert_array_equal(
        fn.GramOperator.load(tmp_path / "op").to_dense(), op.to_dense(), strict=True
    )


def test_ready_matrices(tmp_path, rng):
    A = rng.standard_normal((30, 30))
    K = A @ A.T
    K[1, 0] += 1e-16 * K[0, 0]  # symmetric to rounding only
    op = fn.GramOperator.from_matrix(K)
    op.save(tmp_path / "K")
    again = fn.GramOperator.load(tmp_path / "K")
    np.testing.assert_array_equal(again.to_dense(), K)
    assert (again.net, again.X, again.kernel) == (None, None, None)


def test_matrices_in_files_stay_there(tmp_path, rng):
    """Their operators are saved with the data and the path; one without data is in its file."""
    X = points(rng, "uint8")
    op = fn.GramOperator(NET, X, storage=tmp_path / "K.gram", scale=1 / 255)
    op.save(tmp_path / "op")
    assert (tmp_path / "op").stat().st_size < (tmp_path / "K.gram").stat().st_size / 2
    assert_same(op, fn.GramOperator.load(tmp_path / "op"), X)
    with pytest.raises(ValueError, match=r"the matrix is in .*K\.gram already: GramOperator\.from"):
        fn.GramOperator.from_file(tmp_path / "K.gram").save(tmp_path / "again")


def test_files_of_tiles_are_found_from_other_folders(tmp_path, rng, monkeypatch):
    X, folder = points(rng, "uint8"), tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    op = fn.GramOperator(NET, X, storage="K.gram", scale=1 / 255)
    assert op.storage == "K.gram"
    monkeypatch.chdir(folder)
    op.save("op")
    again = fn.load("op")
    assert again.storage == str(tmp_path / "K.gram")
    np.testing.assert_array_equal(again.to_dense(), op.to_dense(), strict=True)
    again.save("op")
    assert fn.load("op").storage == again.storage
    assert [one.name for one in folder.iterdir()] == ["op"]


def test_loading_never_writes_a_file_of_tiles(tmp_path, rng):
    """A file says where the matrix is; it must not fill a disk, nor overwrite what is there."""
    X, K = points(rng, "uint8"), tmp_path / "K.gram"
    op = fn.GramOperator(NET, X, storage=K, scale=1 / 255)
    op.save(tmp_path / "op")
    matrix = K.read_bytes()

    def refused(message):
        before = K.read_bytes() if K.is_file() else None
        with pytest.raises(ValueError, match=rf"op holds a GramOperator .*{message}"):
            fn.load(tmp_path / "op")
        assert (K.read_bytes() if K.is_file() else None) == before

    forget(K, [0])
    refused(r"which is not finished, 0 of 1 tiles are there: GramOperator\(")
    K.unlink()
    refused(r"its matrix was in .*K\.gram, which is not there: GramOperator\(")
    fn.GramOperator(NET, X[::-1], storage=K, scale=1 / 255)
    refused("holds another matrix .data SHA-256")
    K.write_bytes(b"something else")
    refused("K.gram")
    K.unlink()
    K.mkdir()
    refused("which is not there")
    K.rmdir()
    K.write_bytes(matrix)
    fn.load(tmp_path / "op")
    K.unlink()
    for storage in ({"path": str(K)}, str(tmp_path / "none" / "K")):
        content, arrays = _archive.read(tmp_path / "op")
        content["saved"]["parts"]["storage"] = storage
        _archive.write(tmp_path / "op", {"saved": content["saved"]}, arrays)
        refused("which is not there")


@pytest.mark.parametrize("change", [{"storage": "K.gram"}, {"storage": "lazy"}, {"K": "X"}])
def test_matrices_that_do_not_fit_the_rest(tmp_path, rng, change):
    fn.GramOperator(NET, points(rng, "float64", 5), storage="dense").save(tmp_path / "op")
    content, arrays = _archive.read(tmp_path / "op")
    if "K" in change:
        arrays["K"] = arrays["X"]
    else:
        content["saved"]["parts"] |= change
    _archive.write(tmp_path / "op", {"saved": content["saved"]}, arrays)
    with pytest.raises(ValueError, match=r"there is a \(5, \d\) matrix in '.*' storage for 5 rows"):
        fn.load(tmp_path / "op")
    assert [one.name for one in tmp_path.iterdir()] == ["op"]


def test_what_is_no_number_is_refused(tmp_path, rng):
    kernel = fn.UserKernel(lambda X, Y: X @ Y.T, name="linear")
    op = fn.GramOperator(kernel, points(rng, "float64", 5))
    with pytest.raises(TypeError, match=r"net is .*UserKernel, which cannot be saved: .* no code"):
        op.save(tmp_path / "op")
    assert list(tmp_path.iterdir()) == []


def test_budgets(tmp_path, rng):
    """A matrix is not copied, nor read into place, beyond the memory that is allowed."""
    X = points(rng, "float64")
    op = fn.GramOperator(NET, X, storage="packed", memory="700 kB")  # tiles of 578 kB
    with pytest.raises(MemoryError, match=r"a dense 150 x 150 float64 matrix needs 180 kB"):
        op.save(tmp_path / "op")
    op.budget = 10**6
    op.save(tmp_path / "op")
    fn.GramOperator.load(tmp_path / "op", memory="1 MB")
    for memory, message in (("700 kB", "packed storage of"), ("100 kB", "of a saved matrix")):
        with pytest.raises(MemoryError, match=message):
            fn.GramOperator.load(tmp_path / "op", memory=memory)


@pytest.mark.parametrize("part", ["net", "X", "K", "kernel", "scale", "outputs", "storage"])
def test_files_that_lack_something(tmp_path, rng, part):
    fn.GramOperator(NET, points(rng, "uint8", 5), storage="dense").save(tmp_path / "op")
    content, arrays = _archive.read(tmp_path / "op")
    del content["saved"]["parts"][part]
    _archive.write(tmp_path / "op", {"saved": content["saved"]}, arrays)
    with pytest.raises(ValueError, match=rf"op holds a GramOperator .* \(KeyError: '{part}'\)"):
        fn.GramOperator.load(tmp_path / "op")
