# SPDX-License-Identifier: Apache-2.0
"""The folders are the data flow: a file imports only from its own folder and those on its left."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "fastntk"

# Left to right. Data sets stand beside the kernels, and networks beside dynamics in function space:
# models and applications know of both.
RANKS = {
    "_version": 0,
    "_cpu": 0,
    "_arrays": 0,
    "_tiles": 0,
    "_engine": 1,
    "_cuda_engine": 1,
    "_backend": 1,
    "_validate": 1,
    "_memory": 1,
    "_progress": 1,
    "_stops": 1,
    "_warnings": 1,
    "_archive": 1,
    "_saving": 1,
    "activations": 1,
    "duals": 1,
    "costs": 2,
    "gram": 2,
    "linalg": 3,
    "theory": 3,
    "networks": 4,
    "dynamics": 4,
    "models": 5,
    "datasets": 5,
    "__init__": 6,  # the public face, which the applications may use
    "_ink": 6,
    "_component_plane": 6,
    "paper": 7,  # its experiments; the command line runs them
    "demo": 7,
    "app": 8,
    "__main__": 9,
}
APART = [{"datasets", other} for other in ("models", "networks", "dynamics", "linalg", "gram")]
APART += [{"networks", "dynamics"}, {"linalg", "theory"}, {"paper", "demo"}]


def part_of(module):
    """First name below the package: "fastntk.linalg.eigen" -> "linalg"; the package itself last."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def imported_modules(source, module, is_package):
    """Absolute names of the package's own modules that a source text imports, wherever it does."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "fastntk")
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            if name == "fastntk":
                yield from (f"fastntk.{alias.name}" for alias in node.names)
            elif name.startswith("fastntk."):
                yield name


def violations(source, module, is_package=False):
    """Imports of a source text that point to the right."""
    own = part_of(module)
    found = []
    for name in imported_modules(source, module, is_package):
        other = part_of(name)
        if other not in RANKS:  # a public name of the package: only its __init__ gives it
            other = "__init__"
        if RANKS[other] > RANKS[own] or {own, other} in APART:
            found.append(f"{module} imports {name}")
    return found


def module_of(path):
    """Dotted name of a file, and whether it is a package."""
    names = ["fastntk", *path.relative_to(PACKAGE).with_suffix("").parts]
    return (".".join(names[:-1]), True) if names[-1] == "__init__" else (".".join(names), False)


FILES = sorted(PACKAGE.rglob("*.py"))


def test_there_are_files():
    """An empty glob would pass everything."""
    names = {path.relative_to(PACKAGE).as_posix() for path in FILES}
    assert {"__init__.py", "gram/limiting.py", "linalg/operator.py", "app/cli.py"} <= names


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_python(path):
    """Every import of the package's own modules, also those inside functions."""
    module, is_package = module_of(path)
    assert part_of(module) in RANKS, f"{module}: give the new part a place in RANKS"
    assert violations(path.read_text(encoding="utf-8"), module, is_package) == []


@pytest.mark.parametrize(
    ("module", "source", "count"),
    [
        ("fastntk.gram.limiting", "from fastntk.linalg import operator", 1),
        ("fastntk.gram.limiting", "def f():\n    import fastntk.app.cli", 1),
        ("fastntk.gram.limiting", "from ..models.kpca import KernelPCA", 1),
        ("fastntk.linalg.eigen", "from .. import models", 1),
        ("fastntk.linalg.eigen", "from fastntk import GramOperator", 1),
        ("fastntk.models.kpca", "from fastntk.datasets import load", 1),
        ("fastntk._validate", "import fastntk", 1),
        ("fastntk.__init__", "from fastntk.app.cli import main", 1),
        ("fastntk.linalg.eigen", "from . import operator\nfrom fastntk import _validate", 0),
        ("fastntk.app.cli", "from fastntk.datasets import load\nimport fastntk as fn", 0),
    ],
)
def test_the_check_finds_planted_imports(module, source, count):
    """Relative, absolute and hidden ones; and no others."""
    assert len(violations(source, module)) == count


@pytest.mark.parametrize("part", ["gram", "linalg"])
def test_tests_are_not_imported(part):
    """References stay references."""
    for path in (PACKAGE / part).rglob("*.py"):
        assert not re.search(r"^\s*(from|import) (reference|tolerances)", path.read_text(), re.M)


def includes(folder):
    """(file, included name) of all C++ files below a folder of csrc."""
    for path in sorted((ROOT / "csrc" / folder).rglob("*")):
        if path.suffix in {".h", ".cpp", ".cuh", ".cu"}:
            text = path.read_text(encoding="utf-8")
            for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.M):
                yield path.name, name


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("common", r"Python\.h|pybind11|cuda|cpu/|bindings/|thread|mutex|omp\.h"),
        ("cpu", r"Python\.h|pybind11|cuda|bindings/|omp\.h"),
    ],
)
def test_cpp(folder, forbidden):
    """csrc/common knows no device, no Python and no threads; csrc/cpu knows no Python or OpenMP."""
    found = list(includes(folder))
    assert found
    assert [pair for pair in found if re.match(forbidden, pair[1])] == []
