# SPDX-License-Identifier: Apache-2.0
"""Files appear whole or not at all."""

import errno
import json
import os

import numpy as np
import pytest

from fastntk.app.results import existing_folder, new_npy, staged, write_json


def test_staged_files_move_together(tmp_path):
    folder = tmp_path / "a" / "b"
    with staged(folder) as stage:
        (stage / "one").write_text("1")
        (stage / "two").write_text("2")
        assert not folder.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["one", "two"]
    with staged(folder) as stage:
        (stage / "one").write_text("new")
    assert (folder / "one").read_text() == "new"
    assert (folder / "two").read_text() == "2"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_nothing(tmp_path, error):
    def work():
        with staged(tmp_path / "out") as stage:
            (stage / "one").write_text("1")
            raise error

    with pytest.raises(error):
        work()
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_the_nearest_one(tmp_path):
    assert existing_folder(tmp_path / "a" / "b") == tmp_path
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        existing_folder(tmp_path / "file" / "below")


def test_json_is_strict_and_compact(tmp_path):
    path = tmp_path / "result.json"
    content = {"values": np.array([[1.5, -2e-9], [3, 4]]), "path": tmp_path, "text": "[\n1]"}
    write_json(path, content)
    assert json.loads(path.read_text()) == {
        "values": [[1.5, -2e-9], [3, 4]],
        "path": str(tmp_path),
        "text": "[\n1]",
    }
    assert "[1.5, -2e-09]" in path.read_text()
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"value": float("nan")})
    with pytest.raises(TypeError, match="cannot write set as JSON"):
        write_json(path, {"value": {1}})


def test_new_npy_is_a_readable_file(tmp_path):
    K = new_npy(tmp_path / "K.npy", (3, 3), "float32")
    K[:] = np.eye(3)
    K.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "K.npy"), np.eye(3, dtype=np.float32))


def test_full_disk_is_said_when_blocks_are_reserved(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="no room for 164 bytes"):
        new_npy(tmp_path / "K.npy", (3, 3), "float32")


def test_file_systems_that_cannot_reserve_are_used_all_the_same(tmp_path, monkeypatch):
    def unable(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable)
    assert new_npy(tmp_path / "K.npy", (3, 3), "float32").shape == (3, 3)
