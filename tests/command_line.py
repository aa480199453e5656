# SPDX-License-Identifier: Apache-2.0
"""A command line run in this process, in an empty folder: fixtures for the folders that need it."""

from typing import NamedTuple

import pytest
from typer.testing import CliRunner


class Outcome(NamedTuple):
    """Exit code and everything printed."""

    code: int
    output: str


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run ``fastntk`` with arguments; the working directory is ``tmp_path / "here"``."""
    from fastntk.app.commands import app

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("FASTNTK_DEBUG", raising=False)
    # Wide enough that no message is broken over lines.
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments):
        result = CliRunner().invoke(
            app, [str(argument) for argument in arguments], prog_name="fastntk"
        )
        # The message, not a traceback, is what a user sees.
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Outcome(result.exit_code, result.output)

    return call


@pytest.fixture
def here(run, tmp_path):
    """The working directory of ``run``."""
    return tmp_path / "here"
