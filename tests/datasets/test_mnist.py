# SPDX-License-Identifier: Apache-2.0
"""MNIST: found, verified, downloaded from a server of our own, or explained."""

import gzip
import hashlib
import http.server
import os
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fastntk import datasets
from fastntk.datasets import mnist as module

from .conftest import idx_bytes

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of our own, and no FASTNTK_DATA."""
    monkeypatch.delenv("FASTNTK_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "fastntk" / "mnist"


@pytest.fixture
def tiny(monkeypatch, rng):
    """Contents of a tiny MNIST whose checksums the module expects."""
    contents = {
        NAMES[0]: idx_bytes(rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)),
        NAMES[1]: idx_bytes(np.arange(5, dtype=np.uint8)),
    }
    for name, content in contents.items():
        monkeypatch.setitem(module._SHA256, name, hashlib.sha256(content).hexdigest())
    return contents


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder that is served on this machine; the only address that the module knows."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{httpd.server_port}/"
        monkeypatch.setattr(module, "URL_BASES", (address,))
        monkeypatch.setenv("no_proxy", "*")
        yield folder
        httpd.shutdown()
        thread.join()


def write(folder, contents, *, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("split", ["mnist", "mnist-test"])
def test_real_mnist(split, monkeypatch):
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = os.environ.get("FASTNTK_DATA", str(beside))
    if not (Path(folder) / "mnist" / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip("no MNIST files: set FASTNTK_DATA to the folder that holds mnist/")
    monkeypatch.setenv("FASTNTK_DATA", folder)
    data = datasets.load(split, samples=1000, seed=0)
    assert data.X.shape == (1000, 784)
    assert data.X.dtype == np.uint8
    assert data.scale == 1 / 255
    assert data.image_shape == (28, 28)
    # Every digit takes about a tenth.
    assert np.bincount(data.y, minlength=10).min() > 60


@pytest.mark.parametrize("packed", [True, False])
def test_environment_variable_comes_first(cache, tiny, tmp_path, monkeypatch, packed):
    write(cache, dict.fromkeys(tiny, b"damaged"))
    write(tmp_path / "named" / "mnist", tiny, packed=packed)
    monkeypatch.setenv("FASTNTK_DATA", str(tmp_path / "named"))
    data = datasets.load("mnist")
    assert data.source == str(tmp_path / "named" / "mnist")
    np.testing.assert_array_equal(data.y, np.arange(5))
    np.testing.assert_array_equal(data.X.ravel(), np.frombuffer(tiny[NAMES[0]][16:], np.uint8))


def test_half_a_data_set_does_not_count(cache, tiny, tmp_path, monkeypatch):
    write(tmp_path / "named" / "mnist", {NAMES[0]: tiny[NAMES[0]]})
    write(cache, tiny)
    monkeypatch.setenv("FASTNTK_DATA", str(tmp_path / "named"))
    assert datasets.load("mnist").source == str(cache)


def test_files_that_are_not_mnist_are_refused(cache, write_idx, images):
    for name in NAMES:
        write_idx(name, images, folder=cache)
    with pytest.raises(ValueError, match=rf"{NAMES[0]}: wrong checksum: expected SHA-256"):
        datasets.load("mnist")


def test_download_is_verified_and_kept(cache, tiny, server):
    write(server, tiny)
    calls = []
    first = datasets.load("mnist", progress=lambda *call: calls.append(call))
    assert sorted(path.name for path in cache.iterdir()) == [f"{name}.gz" for name in NAMES]
    stages = {stage for stage, _, _ in calls}
    assert stages == {f"downloading {name}.gz" for name in NAMES}
    assert all(0 <= done <= total for _, done, total in calls)
    for path in server.iterdir():
        path.unlink()
    np.testing.assert_array_equal(datasets.load("mnist").X, first.X)


def test_wrong_download_is_not_kept(cache, tiny, server):
    write(server, {NAMES[0]: tiny[NAMES[0]], NAMES[1]: tiny[NAMES[0]]})
    with pytest.raises(FileNotFoundError, match="wrong checksum"):
        datasets.load("mnist")
    assert list(cache.iterdir()) == []


def test_page_instead_of_a_file_is_not_kept(cache, tiny, server):
    for name in NAMES:
        (server / f"{name}.gz").write_text("<html>please log in</html>")
    with pytest.raises(FileNotFoundError, match="not an IDX file"):
        datasets.load("mnist")
    assert list(cache.iterdir()) == []


def test_second_address_is_tried(cache, tiny, server, monkeypatch):
    write(server, tiny)
    monkeypatch.setattr(module, "URL_BASES", (module.URL_BASES[0] + "gone/", *module.URL_BASES))
    assert len(datasets.load("mnist")) == 5


def test_offline_message_says_what_to_do(cache, server):
    with pytest.raises(FileNotFoundError) as caught:
        datasets.load("mnist")
    message = str(caught.value)
    for part in (f"{NAMES[0]}.gz", f"{NAMES[1]}.gz", module.URL_BASES[0], str(cache), "404"):
        assert part in message
    assert "FASTNTK_DATA=DIR" in message


def test_without_pooch_the_message_names_the_command(monkeypatch):
    monkeypatch.delenv("FASTNTK_DATA", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(FileNotFoundError, match=r'pip install "fastntk\[app\]"'):
        datasets.load("mnist")
