# SPDX-License-Identifier: Apache-2.0
"""Command lines in the documentation are the real command's, and what nobody runs says so."""

import importlib.util
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from typer.main import get_command

from command_line import run  # noqa: F401
from fastntk.app.commands import app
from fastntk.paper import registry

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in p.parts),
]
# Quick enough to be run here; the first block of the README is run by .ci/run.
QUICK = ("fastntk info", "fastntk gram --data digits --out results")
# Blocks that need what no test has, each under a comment that says so.
NOT_RUN = {
    ("README.md", "needs a GPU"): 1,
    ("docs/guide/gpu.md", "needs a GPU"): 2,
    ("docs/reference/neural-tangents.md", "needs neural-tangents"): 3,
}

FENCE = re.compile(r"(?:<!-- *([^\n]*?) *-->\n)?```(\S*)[^\n]*\n(.*?)\n```", re.DOTALL)


def blocks(*languages):
    """Every fenced block in one of these languages: page, the comment above it or "", and text."""
    for page in PAGES:
        for comment, language, text in FENCE.findall(page.read_text()):
            if language in languages:
                yield page.relative_to(ROOT).as_posix(), comment, text


def in_blocks():
    for page, comment, text in blocks("bash"):
        for line in text.splitlines():
            if "fastntk " in line and not comment.startswith("not run"):
                yield page, line


def in_sentences():
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for line in re.findall(r"`(fastntk [a-z][^`]*)`", FENCE.sub("", page.read_text())):
            if not re.search(r"[A-Z|]{2}|\|", line):  # NAME, or a choice: no command yet
                yield name, re.sub(r"\s+", " ", line)


def arguments(line):
    """The words after ``fastntk`` of each command in a line of a shell."""
    words = shlex.split(line, comments=True)
    for start, word in enumerate(words):
        if Path(word).name == "fastntk":
            end = next((i for i in range(start, len(words)) if words[i] in ("&&", ";", "|")), None)
            yield words[start + 1 : end]


LINES = sorted({line: page for page, line in [*in_blocks(), *in_sentences()]}.items())


def test_there_are_command_lines():
    assert len(LINES) > 20
    assert set(QUICK) <= {line.split("#")[0].strip() for line, _ in LINES}


@pytest.mark.parametrize(("line", "page"), LINES, ids=[line for line, _ in LINES])
def test_command_line_is_understood(line, page):
    """Options exist and values are of their types; nothing is run."""
    group = get_command(app)
    found = list(arguments(line))
    assert found, page
    for words in found:
        context = group.make_context("fastntk", list(words))
        if not words or words == ["--version"]:
            continue
        name, command, rest = group.resolve_command(context, list(words))
        if not rest:  # a sentence may name a command that wants arguments
            continue
        parameters = command.make_context(name, rest, parent=context).params
        if name == "paper":
            assert set(parameters["names"]) <= {"all", *registry.NAMES}, page


@pytest.mark.parametrize("line", QUICK)
def test_quick_command_line_runs(run, line):  # noqa: F811
    (words,) = arguments(line)
    assert run(*words).code == 0


def test_blocks_that_nobody_runs_say_so():
    """Python is a {code-cell}, which the build of the site executes, or in the README."""
    marked = Counter()
    for page, comment, text in blocks("python", "bash"):
        if comment.startswith("not run: "):
            marked[page, comment.removeprefix("not run: ")] += 1
        elif page.startswith("docs/"):
            for line in filter(None, text.splitlines()):
                assert line.startswith(("fastntk ", "python -m bench", "python3 -m venv")), (
                    f"{page}: {line!r} is neither executed nor marked"
                )
    assert marked == NOT_RUN


@pytest.mark.parametrize(
    "module",
    sorted(set(re.findall(r"python -m (bench[\w.]*)", "".join(p.read_text() for p in PAGES)))),
)
def test_benchmarks_that_are_named_exist(module, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    assert importlib.util.find_spec(module)
