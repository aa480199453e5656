# SPDX-License-Identifier: Apache-2.0
"""Finished parts are found again under the settings they were computed with, and no others."""

import numpy as np
import pytest

from fastntk import datasets
from fastntk.paper import circle, digits, parts, registry, table
from fastntk.paper.parts import Parts, digest


@pytest.fixture
def made():
    """What has been computed so far."""
    return []


@pytest.fixture
def part(made):
    def compute():
        made.append(len(made))
        return {"values": np.full(3, made[-1])}

    return compute


def test_a_part_is_computed_once(tmp_path, made, part):
    first, again = Parts(tmp_path / "parts"), Parts(tmp_path / "parts")
    assert first.of("n5", {"width": 5}, part)["values"].tolist() == [0, 0, 0]
    assert again.of("n5", {"width": 5}, part)["values"].tolist() == [0, 0, 0]
    assert len(made) == 1
    assert (first.found, again.found) == ([], ["n5"])
    assert again.seconds == first.seconds


def test_other_settings_are_other_parts(tmp_path, made, part):
    for common, settings, name in (
        ({}, {"width": 5}, "n"),
        ({}, {"width": 6}, "n"),
        ({}, {"width": 5, "seed": 0}, "n"),
        ({"device": "cuda"}, {"width": 5}, "n"),
        ({}, {"width": 5}, "m"),
    ):
        Parts(tmp_path, common).of(name, settings, part)
    assert len(made) == 5
    assert Parts(tmp_path).of("n", {"width": 5}, part)["values"][0] == 0


def test_a_revision_of_the_code_is_another_part(tmp_path, made, part, monkeypatch):
    Parts(tmp_path).of("n", {"width": 5}, part)
    monkeypatch.setattr(parts, "REVISION", parts.REVISION + 1)
    Parts(tmp_path).of("n", {"width": 5}, part)
    assert len(made) == 2


def test_a_digest_is_of_values_type_and_shape():
    ones = np.ones((2, 3))
    others = [ones.T, ones.astype(np.float32), np.ones(6), ones + np.eye(2, 3) * 1e-15]
    digests = {digest(array) for array in (ones, *others)}
    assert len(digests) == 5
    assert digest(ones) == digest(np.asfortranarray(ones))


class _Asked(Exception):
    """A part was asked for."""


class _NoParts:
    def of(self, name, settings, compute):
        raise _Asked(settings)


@pytest.mark.parametrize("name", ["fig1", "fig2", "landscape", "table", "fig3b"])
def test_other_data_are_other_parts(name, monkeypatch, rng):
    """The settings of a part tell what it was trained on, not only what that is called."""
    monkeypatch.setattr(table, "_DEPTHS", ())
    pixels = rng.standard_normal((digits.POINTS, 3))
    asked = []
    for sign in (1.0, 1.0, -1.0):
        monkeypatch.setattr(circle, "product", lambda X, sign=sign: sign * X[:, 0] * X[:, 1])
        data = datasets.Dataset(X=sign * pixels, y=None, scale=1.0, name="mnist")
        monkeypatch.setattr(
            digits, "load", lambda *_, data=data, **__: digits.Digits(data, ["not MNIST"])
        )
        with pytest.raises(_Asked) as call:
            registry.experiment(name).run(
                quick=True, seed=0, parts=_NoParts(), progress=None, device="cpu"
            )
        asked.append(call.value.args[0])
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "another's"])
def test_a_damaged_part_is_computed_again(tmp_path, made, part, damage):
    Parts(tmp_path).of("n", {"width": 5}, part)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "another's":
        Parts(tmp_path / "other").of("n", {"width": 6}, part)
        content = bytearray(next((tmp_path / "other").iterdir()).read_bytes())
    elif damage == "changed":
        place = content.index(np.full(3, 0).tobytes()) + 4
        content[place] ^= 1
    file.write_bytes(content[: {"cut": 200, "empty": 0}.get(damage, len(content))])
    said = []
    before = len(made)
    assert Parts(tmp_path, say=said.append).of("n", {"width": 5}, part)["values"][0] == before
    assert len(said) == 1
    assert "is computed again" in said[0]
    assert "pickle" not in said[0]  # which NumPy speaks of: no advice for a damaged file
    assert Parts(tmp_path, say=said.append).of("n", {"width": 5}, part)["values"][0] == before
    assert len(said) == 1


def test_what_was_stopped_leaves_nothing(tmp_path, part):
    def stopped():
        raise KeyboardInterrupt

    parts = Parts(tmp_path / "parts")
    parts.of("n", {"width": 5}, part)
    with pytest.raises(KeyboardInterrupt):
        parts.of("n", {"width": 6}, stopped)
    assert len(list(parts.folder.iterdir())) == 1
    assert list(parts.seconds) == ["n"]


def test_a_folder_in_the_place_of_a_part_is_said_before_it_is_computed(tmp_path, made, part):
    Parts(tmp_path).of("n", {"width": 5}, part)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(IsADirectoryError, match=f"{file.name} is a folder, where a finished part"):
        Parts(tmp_path).of("n", {"width": 5}, part)
    assert len(made) == 1
