# SPDX-License-Identifier: Apache-2.0
"""The version, the changelog and the citation say the same of what is released."""

import re
from pathlib import Path

import pytest

import fastntk as fn

ROOT = Path(__file__).parents[2]
# Release, or pre-release, as PEP 440 spells them.
VERSION = r"(\d+)\.(\d+)\.(\d+)((?:a|b|rc)\d+|\.dev\d+)?"


def numbers(version):
    """Return what versions are compared by: a pre-release comes before its release."""
    *parts, before = re.fullmatch(VERSION, version).groups()
    return [int(one) for one in parts], before is None, before


def headings(text):
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


def problem(text, version):
    """Return what is wrong with a changelog of a version; "" for nothing."""
    found = headings(text)
    if not found:
        return "no versions"
    unreleased = found[0] == "[Unreleased]"
    released = []
    for one in found[unreleased:]:
        match = re.fullmatch(rf"\[({VERSION})\] - \d{{4}}-\d\d-\d\d", one)
        if match is None:
            return f"no release: {one}"
        released.append(match[1])
    if released != sorted(released, key=numbers, reverse=True) or len({*released}) < len(released):
        return "not from new to old"
    if not unreleased:
        return "" if released[0] == version else f"{released[0]} is on top"
    if released and numbers(version) < numbers(released[0]):
        return f"{released[0]} is newer"
    return ""


def test_the_changelog_is_of_this_version():
    assert re.fullmatch(VERSION, fn.__version__)
    assert problem((ROOT / "CHANGELOG.md").read_text(), fn.__version__) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no versions"),
        ("## 1.0.0", "no release: 1.0.0"),
        ("## [1.2.0] - 2026-01-02\n## [1.1.0] - 2025-01-02", ""),
        ("## [1.1.0] - 2026-01-02", "1.1.0 is on top"),
        ("## [Unreleased]\n## [1.2.0rc1] - 2026-01-02\n## [1.1.0] - 2025-01-02", ""),
        ("## [Unreleased]\n## [1.10.0] - 2026-01-02", "1.10.0 is newer"),
        ("## [Unreleased]\n## [1.1.0] - 2026-01-02\n## [1.2.0] - 2025-01-02", "not from new to"),
        ("## [Unreleased]\n## [1.2] - 2026-01-02", "no release: [1.2]"),
    ],
)
def test_the_check_finds_planted_faults(text, found):
    assert problem(text, "1.2.0").startswith(found)
    assert bool(problem(text, "1.2.0")) == bool(found)


def test_the_citation():
    """What the format wants is there; a version, where one is given, is this one."""
    text = (ROOT / "CITATION.cff").read_text()
    keys = dict(re.findall(r"^([\w-]+):[ ]*(.*)$", text, re.MULTILINE))
    assert {"cff-version", "message", "title", "authors", "license"} <= set(keys)
    assert keys["cff-version"] == "1.2.0"
    assert keys["license"] == re.search(r'^license = "(.*)"$', pyproject(), re.MULTILINE)[1]
    assert keys.get("version", fn.__version__).strip('"') == fn.__version__


def test_the_package_says_what_it_is():
    """The version has one place, and the license and the types go with the wheel."""
    text = pyproject()
    assert 'dynamic = ["version"]' in text
    assert 'input = "python/fastntk/_version.py"' in text
    for name in re.findall(r'"(.*?)"', re.search(r"license-files = \[(.*)\]", text)[1]):
        assert (ROOT / name).is_file()
    assert (ROOT / "python" / "fastntk" / "py.typed").is_file()


def pyproject():
    return (ROOT / "pyproject.toml").read_text()
