# SPDX-License-Identifier: Apache-2.0
"""Finished parts are found again under the settings they were computed with, and no others."""

import numpy as np
import pytest

from fastntk.paper.parts import Parts


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
