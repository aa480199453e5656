# SPDX-License-Identifier: Apache-2.0
"""What the documentation shows runs as it is shown, and the files that it names exist."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import fastntk

ROOT = Path(__file__).parents[2]
NEED_A_COMMAND_LINE = ("fastntk.__main__",)


def modules():
    names = (m.name for m in pkgutil.walk_packages(fastntk.__path__, "fastntk."))
    return [name for name in names if name not in NEED_A_COMMAND_LINE]


def test_readme_python_blocks_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "csrc/README.md"] + [
    page.relative_to(ROOT).as_posix()
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if not {"_build", "generated"} & set(page.parts)
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_files_that_exist(document):
    path = ROOT / document
    text = path.read_text()
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    quoted = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.\w+)`", text)
    for name in [*linked, *quoted]:
        if "NAME" not in name:
            assert (path.parent / name).exists() or (ROOT / name).exists(), name


def test_every_public_name_has_its_place_in_the_reference():
    _, *parts = (ROOT / "docs/reference/api.md").read_text().split(".. currentmodule:: fastntk\n")
    listed = set(re.findall(r"^   (\w+)$", "".join(parts).split("fastntk.costs")[0], re.MULTILINE))
    assert set(fastntk.__all__) - listed == {"__version__", "costs", "datasets"}
