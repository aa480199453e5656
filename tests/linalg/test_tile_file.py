# SPDX-License-Identifier: Apache-2.0
"""A Gram matrix in a file: the bits of the packed triangle, kept through anything but a lie."""

import errno
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import fastntk as fn
from fastntk.linalg import GramOperator, tile_file
from fastntk.linalg.storage import storage_path
from gram_files import forget, header_bytes

NET = fn.FullyConnected(hidden_layers=2)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def X(rng):
    return rng.integers(0, 256, (600, 5)).astype(np.uint8)  # 3 blocks of rows, 6 tiles


@pytest.fixture
def path(tmp_path):
    return tmp_path / "K.gram"


def recorded(calls):
    """A progress callable that keeps (done, total)."""
    return lambda stage, done, total: calls.append((done, total))


# --- the matrix ---


@pytest.mark.parametrize("n", [1, 255, 256, 257, 700])
def test_a_file_holds_the_bits_of_the_packed_triangle(path, rng, dtype, n):
    X = rng.random((n, 6))
    V = rng.standard_normal((n, 3)).astype(dtype)
    packed = GramOperator(NET, X, storage="packed", dtype=dtype)
    made = GramOperator(NET, X, storage=path, dtype=dtype)
    for op in (made, GramOperator(NET, X, storage=path, dtype=dtype), GramOperator.from_file(path)):
        assert (op.dtype, op.shape, op.storage) == (dtype, (n, n), str(path))
        np.testing.assert_array_equal(op.to_dense(), packed.to_dense())
        np.testing.assert_array_equal(op.diagonal(), packed.diagonal())
        np.testing.assert_array_equal(op @ V, packed @ V)
    assert [one.name for one in path.parent.iterdir()] == ["K.gram"]


@pytest.mark.parametrize("kernel", ["ntk", "nngp"])
def test_eigenpairs_are_those_of_the_packed_triangle(path, X, kernel):
    options = {"kernel": kernel, "scale": 1 / 255}
    found, wanted = (
        fn.eigenpairs(GramOperator(NET, X, storage=storage, **options), 3, method="krylov")
        for storage in (path, "packed")
    )
    for name in ("values", "vectors", "residuals"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


@pytest.mark.parametrize("centered", [False, True])
def test_kernel_pca_is_that_of_the_packed_triangle(path, X, centered):
    found, wanted = (
        fn.KernelPCA(NET, centered=centered, storage=storage).fit(X).transform(X[:9])
        for storage in (path, "packed")
    )
    np.testing.assert_array_equal(found, wanted)
    assert path.exists()


def test_new_points_need_the_data(path, X):
    op = GramOperator(NET, X, storage=path)
    np.testing.assert_array_equal(op.cross(X[:9]), NET.ntk(X[:9], X))
    alone = GramOperator.from_file(path)
    assert (alone.net, alone.X, alone.kernel, alone.scale) == (None, None, "ntk", 1.0)
    with pytest.raises(ValueError, match="from a matrix or a file has no data"):
        alone.cross(X)


def test_a_finished_file_is_only_read(path, X, monkeypatch):
    GramOperator(NET, X, storage=path)
    before, time = path.read_bytes(), path.stat().st_mtime_ns
    monkeypatch.setattr("fastntk.gram.limiting.limiting_source", lambda *_, **__: 1 / 0)
    flags = []
    system_open = os.open
    monkeypatch.setattr(os, "open", lambda p, f, *a: flags.append(f) or system_open(p, f, *a))
    calls = []
    GramOperator(NET, X, storage=path, progress=recorded(calls)).matmat(np.ones((600, 1)))
    assert flags
    assert all(flag & os.O_ACCMODE == os.O_RDONLY for flag in flags)
    assert calls == []
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, time)


# --- interruptions ---

# The first report of progress comes after a tenth of a second, and the work lasts longer than that.
DEEP = fn.FullyConnected(hidden_layers=300)
DEEP_ROWS, DEEP_TILES = 2560, 55
KILLED = """
import sys, time
import numpy as np
import fastntk as fn
from fastntk.linalg import tile_file
from pathlib import Path

path = Path(sys.argv[1])

def stop_in_the_middle(stage, done, total):
    assert done < total
    while tile_file.tiles_there(path)[0] == 0:
        time.sleep(0.01)
    print("ready", flush=True)
    time.sleep(600)

net = fn.FullyConnected(hidden_layers=300)
fn.GramOperator(net, np.load(sys.argv[2]), storage=path, threads=1, progress=stop_in_the_middle)
"""


def test_kill_9_costs_only_what_was_not_marked(path, tmp_path, rng):
    X = rng.integers(0, 256, (DEEP_ROWS, 8), dtype=np.uint8)
    np.save(tmp_path / "X.npy", X)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), str(tmp_path / "X.npy")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
        finally:
            process.send_signal(signal.SIGKILL)
    there, total = tile_file.tiles_there(path)
    assert 1 <= there < total == DEEP_TILES
    with pytest.raises(ValueError, match=rf"not finished, {there} of {total} tiles are there: "):
        GramOperator.from_file(path)
    calls = []
    op = GramOperator(DEEP, X, storage=path, progress=recorded(calls))
    assert calls[-1] == (total - there, total - there)
    np.testing.assert_array_equal(op.to_dense(), GramOperator(DEEP, X, storage="packed").to_dense())


class Stopped(Exception):
    """Not an error of the library."""


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Stopped])
def test_what_was_computed_before_an_exception_stays(path, rng, stop):
    X = rng.integers(0, 256, (DEEP_ROWS, 8), dtype=np.uint8)

    def interrupt(stage, done, total):
        raise stop

    with pytest.raises(stop):
        GramOperator(DEEP, X, storage=path, threads=1, progress=interrupt)
    there, total = tile_file.tiles_there(path)
    assert 1 <= there < total == DEEP_TILES
    calls = []
    op = GramOperator(DEEP, X, storage=path, progress=recorded(calls))
    assert calls[-1] == (total - there, total - there)
    np.testing.assert_array_equal(op.diagonal(), DEEP.ntk(X).diagonal())


def test_the_bytes_of_a_file_follow_from_what_it_is_of(path, tmp_path, X, dtype):
    other = tmp_path / "other.gram"
    GramOperator(NET, X, storage=path, dtype=dtype, threads=1)
    GramOperator(NET, X, storage=other, dtype=dtype, threads=3)
    assert path.read_bytes() == other.read_bytes()


def test_only_missing_tiles_are_written(path, X, dtype):
    want = GramOperator(NET, X, storage=path, dtype=dtype).to_dense()
    complete = path.read_bytes()
    missing = [1, 4, 5]
    forget(path, missing)
    tile = 256 * 256 * np.dtype(dtype).itemsize
    first = len(complete) - 6 * tile
    with path.open("r+b") as file:
        for index in missing:
            file.seek(first + index * tile)
            file.write(b"\x7f" * tile)
        # A tile that is there, changed unseen: it would be seen if it were written again.
        file.seek(first)
        file.write(b"\x7f" * 4)
    calls = []
    op = GramOperator(NET, X, storage=path, dtype=dtype, progress=recorded(calls))
    assert calls[-1] == (3, 3)
    now = path.read_bytes()
    assert (now[:first], now[first + 4 :]) == (complete[:first], complete[first + 4 :])
    assert now[first : first + 4] == b"\x7f" * 4
    with path.open("r+b") as file:
        file.seek(first)
        file.write(complete[first : first + 4])
    np.testing.assert_array_equal(op.to_dense(), want)


def test_a_second_builder_is_refused(path, X):
    GramOperator(NET, X, storage=path)
    forget(path, range(6))
    refused = []

    def build_again(*_):
        with pytest.raises(BlockingIOError, match="another process is computing this") as caught:
            GramOperator(NET, X, storage=path)
        refused.append(caught.value.filename)

    GramOperator(NET, X, storage=path, progress=build_again)
    assert set(refused) == {str(path)}
    assert tile_file.tiles_there(path) == (6, 6)


def test_a_finished_file_needs_no_lock(path, X):
    GramOperator(NET, X, storage=path)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        GramOperator(NET, X, storage=path)


def test_the_other_of_two_creators_uses_the_first_file(path, tmp_path, X, monkeypatch):
    first = tmp_path / "first"
    GramOperator(NET, X, storage=first.with_suffix(".gram")).to_dense()

    def link(scratch, target):
        shutil.copy(first.with_suffix(".gram"), target)
        raise FileExistsError(errno.EEXIST, "there", str(target))

    monkeypatch.setattr(os, "link", link)
    calls = []
    GramOperator(NET, X, storage=path, progress=recorded(calls))
    assert calls == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["K.gram", "first.gram"]


def test_a_file_system_without_links_will_do(path, X, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", link)
    op = GramOperator(NET, X, storage=path)
    np.testing.assert_array_equal(op.to_dense(), NET.ntk(X))
    assert [one.name for one in path.parent.iterdir()] == ["K.gram"]


def test_a_file_appears_with_its_header_or_not_at_all(path, X, monkeypatch):
    def link(scratch, target):
        assert not path.exists()
        assert Path(scratch).read_bytes().startswith(b"FASTNTK\0")
        raise Stopped

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(Stopped):
        GramOperator(NET, X, storage=path)
    assert list(path.parent.iterdir()) == []


# --- room and places ---


def test_room_is_asked_for_before_anything_is_made(path, X, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 10**6, 1000))
    message = r"needs 1\.58 MB \(1581056 bytes\) more on disk, 1\.00 kB \(1000 bytes\) are free"
    with pytest.raises(OSError, match=message) as caught:
        GramOperator(NET, X, storage=path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert list(path.parent.iterdir()) == []


def test_resuming_needs_no_more_room_than_is_missing(path, X, monkeypatch):
    GramOperator(NET, X, storage=path)
    forget(path, [2])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 10**6, 0))
    np.testing.assert_array_equal(GramOperator(NET, X, storage=path).to_dense(), NET.ntk(X))


@contextmanager
def largest_file(size):
    """No file of this process can grow beyond ``size``: the system says EFBIG, as ENOSPC later."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_cannot_be_made_leaves_nothing(path, X):
    with largest_file(100_000), pytest.raises(OSError, match="File too large") as caught:
        GramOperator(NET, X, storage=path)
    assert caught.value.filename == str(path)
    assert list(path.parent.iterdir()) == []


def forget_all_but(path, count):
    """Give the room of the tiles back, too."""
    length = path.stat().st_size
    forget(path, range(count, 6))
    os.truncate(path, header_bytes(path) + 4096 + count * 2**18)
    os.truncate(path, length)


@pytest.mark.parametrize("there", [0, 1])
def test_a_disk_that_fills_up_costs_no_tile(path, X, there):
    GramOperator(NET, X, storage=path)
    forget_all_but(path, there)
    with (
        largest_file(header_bytes(path) + 10_000 + there * 2**18),
        pytest.raises(OSError, match="File too large") as caught,
    ):
        GramOperator(NET, X, storage=path)
    assert str(path) in caught.value.strerror
    assert path.exists() is (there > 0)
    GramOperator(NET, X, storage=path)
    assert tile_file.tiles_there(path) == (6, 6)


def test_places_where_no_file_can_be(tmp_path, X):
    with pytest.raises(FileNotFoundError, match=r"there is no such folder: .*missing'"):
        GramOperator(NET, X, storage=tmp_path / "missing" / "K.gram")
    with pytest.raises(IsADirectoryError, match="a Gram matrix is stored in a file, not in: "):
        GramOperator(NET, X, storage=tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        GramOperator(NET, X, storage=tmp_path / "file" / "K.gram")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        GramOperator(NET, X, storage=tmp_path / "pipe")
    with pytest.raises(FileNotFoundError, match="No such file"):
        GramOperator.from_file(tmp_path / "K.gram")


def test_a_place_is_looked_at_before_the_data(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        GramOperator(NET, "no data", storage=tmp_path / "missing" / "K.gram")


def test_preparing_the_data_must_fit_the_budget(path, rng):
    X = rng.random((2000, 5))
    with pytest.raises(MemoryError, match=r"computing .*K\.gram needs .* the memory budget is"):
        GramOperator(NET, X, storage=path, memory="1 MB", copy_X=False, threads=2)
    assert not path.exists()
    assert GramOperator(NET, X, storage=path, memory="20 MB", copy_X=False).nbytes == 8 * 36


@pytest.mark.parametrize(
    ("storage", "path"),
    [
        ("auto", None),
        ("dense", None),
        ("K.gram", Path("K.gram")),
        ("K.matrix", Path("K.matrix")),
        ("./dense", Path("dense")),
        ("results/K", Path("results/K")),
        (Path("dense"), Path("dense")),
        (Path("K"), Path("K")),
    ],
)
def test_what_is_a_path(storage, path):
    assert storage_path(storage) == path
