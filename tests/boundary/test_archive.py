# SPDX-License-Identifier: Apache-2.0
"""The files of `fastntk._archive`: whole or absent, and a refusal for each way to be broken."""

import errno
import json
import os
import shutil
import stat
import zipfile
from collections import namedtuple

import numpy as np
import pytest

import fastntk as fn
from fastntk import _archive

ARRAYS = {
    "pixels": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "words": np.array(["a", "βγ"]),
    "none": np.empty((0, 3), np.float32),
    "number": np.array(7.5),
}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file"
    _archive.write(file, {"note": "δ"}, ARRAYS)
    return file


def rewritten(path, change):
    """Write the same arrays again with another text."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    content = json.loads(members["fastntk.json"])
    change(content)
    members["fastntk.json"] = json.dumps(content).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)


def test_arrays_come_back(path):
    content, arrays = _archive.read(path)
    assert content["note"] == "δ"
    assert content["fastntk"] == fn.__version__
    for name, want in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], want, strict=True)
        assert arrays[name].flags.f_contiguous == want.flags.f_contiguous
        assert arrays[name].flags.writeable


def test_other_tools_read_it(path):
    """NumPy finds the arrays, a zip tool the text; the same content is the same bytes."""
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["turned"], ARRAYS["turned"])
        assert json.loads(file["fastntk.json"])["version"] == 1
    before = path.read_bytes()
    _archive.write(path, {"note": "δ"}, ARRAYS)
    assert path.read_bytes() == before


def test_the_other_byte_order(path):
    """What a machine of the other byte order wrote has the same numbers."""
    _archive.write(path, {}, {"a": np.arange(3.0).astype(">f8")})
    np.testing.assert_array_equal(_archive.read(path)[1]["a"], np.arange(3.0), strict=True)


def test_no_byte_is_read_wrong(path):
    """A file with one damaged byte is refused, or says the same: nothing else comes of it."""
    whole = path.read_bytes()
    want = _archive.read(path)
    refused, places = 0, range(0, len(whole), 3)
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 0x41
        path.write_bytes(broken)
        try:
            content, arrays = _archive.read(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
            continue
        assert content == want[0]
        for name, array in want[1].items():
            np.testing.assert_array_equal(arrays[name], array, strict=True)
    # All but what says nothing, as times and permissions of the members.
    assert refused > len(places) // 2


def test_truncated_files(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 23):
        path.write_bytes(whole[:length])
        what = "is damaged or truncated" if length >= 42 else "is not a file that fastntk saved"
        with pytest.raises(ValueError, match=what):
            _archive.read(path)


def test_files_of_others(path):
    for write in (
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(b"something else" * 50),
        lambda: savez(path, X=np.eye(2)),
        lambda: path.write_bytes(b"\x93NUMPY" + bytes(200)),
        lambda: rewritten_as_other(path),
    ):
        write()
        with pytest.raises(ValueError, match=r"file is not a file that fastntk saved$"):
            _archive.read(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        _archive.read(path)
    with pytest.raises(IsADirectoryError):
        _archive.read(path.parent)


def savez(path, **arrays):
    with path.open("wb") as stream:  # savez would add a suffix to a name
        np.savez(stream, **arrays)


def rewritten_as_other(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("fastntk.json", '{"format": "another"}')


def test_a_newer_format_is_named(path):
    rewritten(path, lambda content: content.update(version=2, fastntk="9.1"))
    with pytest.raises(ValueError, match=r"saved by fastntk 9\.1 in format 2; .* up to 1: install"):
        _archive.read(path)
    rewritten(path, lambda content: content.update(version="one"))
    with pytest.raises(ValueError, match="is damaged: its version is 'one'"):
        _archive.read(path)


@pytest.mark.parametrize(
    "kind",
    [
        {"dtype": "|O", "shape": [3]},
        {"dtype": "<f8", "shape": [10**12, 10**6]},  # never allocated
        {"dtype": "<f8", "shape": [4, 3]},
        {"dtype": "<f8"},
        None,
    ],
)
def test_arrays_that_are_not_as_told(path, kind):
    rewritten(path, lambda content: content["arrays"].update(turned=kind))
    with pytest.raises(ValueError, match="is damaged or truncated"):
        _archive.read(path)


def test_no_pickle_is_read(path):
    """Objects inside would be code; so would be a member that grows without end when read."""
    objects = np.array([print], dtype=object)
    savez(path, pixels=objects)
    with pytest.raises(ValueError, match="not a file that fastntk saved"):
        _archive.read(path)
    _archive.write(path, {}, ARRAYS)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    with pytest.raises(ValueError, match="compressed"):
        _archive.read(path)


def test_a_file_is_whole_or_as_before(path, monkeypatch):
    """An error, or Ctrl-C, in the middle of writing; a disk without room; nothing is left over."""
    before = path.read_bytes()

    def half(stream, array, **_):
        stream.write(b"half")
        raise failure

    monkeypatch.setattr(np.lib.format, "write_array", half)
    for failure in (OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()):
        with pytest.raises(type(failure)) as raised:
            _archive.write(path, {}, ARRAYS)
        assert getattr(raised.value, "filename", str(path)) == str(path)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5000))
    with pytest.raises(OSError, match=r"needs 8\.00 MB .* \(5000 bytes\) are free") as error:
        _archive.write(path, {}, {"K": np.zeros((1000, 1000))})
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_places_for_no_file(path):
    with pytest.raises(IsADirectoryError, match="here is a folder"):
        _archive.write(path.parent, {}, {})
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        _archive.write(path / "below" / "file", {}, {})


def test_what_is_no_file_is_not_replaced(tmp_path):
    """A pipe stands for all such things: a superuser could replace the machine's devices."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(FileExistsError, match="device, pipe or socket") as error:
            _archive.write(path, {}, ARRAYS)
        assert error.value.filename == str(path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_permissions_stay(path):
    """What is private is private when it is saved again."""
    for mode in (0o600, 0o644, 0o400):
        path.chmod(mode)
        _archive.write(path, {}, ARRAYS)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_paths_of_bytes(path):
    name = os.fsencode(path)
    _archive.write(name, {"note": "bytes"}, {})
    assert _archive.read(name)[0]["note"] == "bytes"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"^{path} is not a file"):
        _archive.read(name)
    with pytest.raises(IsADirectoryError) as error:
        _archive.write(os.fsencode(path.parent), {}, {})
    assert error.value.filename == str(path.parent)


def test_links_stay_links(path):
    link = path.with_name("link")
    link.symlink_to(path)
    _archive.write(link, {"note": "by the link"}, {})
    assert link.is_symlink()
    assert _archive.read(path)[0]["note"] == "by the link"
