# SPDX-License-Identifier: Apache-2.0
"""A file of tiles is refused where it is of another matrix, or damaged; it is never overwritten."""

import errno
import os

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import GramOperator
from gram_files import FIXED, change_byte, forget, header_bytes

NET = fn.FullyConnected(hidden_layers=2)


@pytest.fixture
def X(rng):
    return rng.integers(0, 256, (600, 5)).astype(np.uint8)  # 3 blocks of rows, 6 tiles


@pytest.fixture
def path(tmp_path):
    return tmp_path / "K.gram"


# --- another matrix ---


@pytest.mark.parametrize(
    ("net", "options", "message"),
    [
        (fn.FullyConnected(3), {}, r"weight_std 3 x 1\.0, asked for 4 x 1\.0; .*activations"),
        (fn.FullyConnected(2, "erf"), {}, r"activations \(relu, relu\), asked for \(erf, erf\)"),
        (fn.FullyConnected(2, bias_std=0.0), {}, r"bias_std 3 x 0\.1, asked for 3 x 0\.0"),
        (fn.FullyConnected(2, weight_std=1.5), {}, r"weight_std 3 x 1\.0, asked for 3 x 1\.5"),
        (fn.FullyConnected(2, init_std=2.0), {}, r"weight_share 1\.0, asked for 0\.25"),
        (NET, {"scale": 0.5}, r"\(scale 1\.0, asked for 0\.5\)"),
        (NET, {"kernel": "nngp"}, r"\(kernel ntk, asked for nngp\)"),
        (NET, {"dtype": "float64"}, r"\(dtype float32, asked for float64\)"),
    ],
)
@pytest.mark.parametrize("there", [6, 0])
def test_another_kernel_is_refused_and_the_file_kept(path, X, net, options, message, there):
    GramOperator(NET, X, storage=path)
    forget(path, range(6 - there))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message) as caught:
        GramOperator(net, X, storage=path, **options)
    assert str(caught.value).startswith(f"{path} holds another matrix (")
    assert path.read_bytes() == before


def test_other_data_are_refused(path, X):
    GramOperator(NET, X, storage=path)
    other = X.copy()
    other[-1, -1] += 1
    with pytest.raises(
        ValueError, match=r"\(data SHA-256 [0-9a-f]{12}\.\.\., asked for [0-9a-f]{12}"
    ):
        GramOperator(NET, other, storage=path)
    with pytest.raises(ValueError, match="rows 600, asked for 599; data shape"):
        GramOperator(NET, X[:-1], storage=path)
    with pytest.raises(ValueError, match="data dtype uint8, asked for float32"):
        GramOperator(NET, X.astype(np.float32), storage=path)
    GramOperator(NET, np.asfortranarray(X), storage=path)  # the same numbers


# --- damage ---


@pytest.mark.parametrize("at", ["first", "padding", "last"])
def test_a_damaged_tile_is_named(path, X, dtype, at):
    # Tile (2, 2), the last, has 88 of its 256 rows and columns; (0, 0) is the first.
    GramOperator(NET, X, storage=path, dtype=dtype)
    tile = 256 * 256 * np.dtype(dtype).itemsize
    change_byte(path, {"first": -6 * tile, "padding": -1, "last": -tile + 17}[at])
    op = GramOperator.from_file(path)
    name = "(0, 0)" if at == "first" else "(2, 2)"
    message = f"{path} is damaged: tile {name} does not have its checksum"
    for call in (lambda: op @ np.ones(600), op.diagonal, op.to_dense):
        with pytest.raises(OSError, match="is damaged") as caught:
            call()
        assert (caught.value.errno, caught.value.strerror) == (errno.EIO, message)


def test_a_damaged_mark_is_a_damaged_tile(path, X):
    GramOperator(NET, X, storage=path)
    change_byte(path, header_bytes(path) + 8)
    with pytest.raises(OSError, match=r"tile \(0, 1\)"):
        GramOperator(NET, X, storage=path).to_dense()


def test_exchanged_tiles_are_seen(path, X):
    GramOperator(NET, X, storage=path)
    content = path.read_bytes()
    tile = 2**18
    path.write_bytes(content[: -2 * tile] + content[-tile:] + content[-2 * tile : -tile])
    with pytest.raises(OSError, match="is damaged"):
        GramOperator.from_file(path).to_dense()


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (0, "is not a Gram matrix of fastntk"),
        (8, "written on a machine of the other byte order"),
        (12, "has layout 254; this version of fastntk reads 1"),
        (16, "header does not have its checksum"),
        (23, "header does not have its checksum"),
        (24, "header does not have its checksum"),
        (FIXED, "header does not have its checksum"),
        (FIXED + 40, "header does not have its checksum"),
    ],
)
def test_a_damaged_header_is_refused(path, X, at, message):
    GramOperator(NET, X, storage=path)
    change_byte(path, at)
    before = path.read_bytes()
    for call in (
        lambda: GramOperator(NET, X, storage=path),
        lambda: GramOperator.from_file(path),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert str(caught.value).startswith(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (0, "is not a Gram matrix"),
        (FIXED - 1, "is truncated: it ends in its header"),
        (FIXED + 10, "header does not have its checksum"),
        (4096, "is truncated: it has 4096 bytes and not 1581056"),
        (-1, "is truncated: it has 1581055 bytes and not 1581056"),
        (1581057, "is too long: it has 1581057 bytes and not 1581056"),
    ],
)
def test_a_file_of_another_length_is_refused(path, X, length, message):
    GramOperator(NET, X, storage=path)
    os.truncate(path, length if length >= 0 else path.stat().st_size + length)
    for call in (
        lambda: GramOperator(NET, X, storage=path),
        lambda: GramOperator.from_file(path),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_file_cut_under_an_operator_is_an_error(path, X):
    op = GramOperator(NET, X, storage=path)
    os.truncate(path, 10_000)
    with pytest.raises(OSError, match="is truncated"):
        op.to_dense()


def test_other_files_are_not_touched(path, X):
    path.write_bytes(b"something of somebody")
    with pytest.raises(ValueError, match=r"K\.gram is not a Gram matrix of fastntk; it is left"):
        GramOperator(NET, X, storage=path)
    assert path.read_bytes() == b"something of somebody"
