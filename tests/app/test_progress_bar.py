# SPDX-License-Identifier: Apache-2.0
"""The bar shows stages on a terminal, after a while, and nothing elsewhere."""

import io

import pytest
from rich.console import Console

from fastntk.app import progress_bar
from fastntk.app.progress_bar import ProgressBar


@pytest.fixture
def screen():
    return io.StringIO()


def terminal(screen, *, is_terminal=True):
    return Console(file=screen, force_terminal=is_terminal, width=100, _environ={})


def test_stages_with_share_and_time_to_go(screen, monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)
    with ProgressBar(terminal(screen)) as bar:
        bar("Gram matrix", 0, 4)
        bar("Gram matrix", 3, 4)
        bar._progress.refresh()
        bar("eigenpairs", 1, 2)
        bar._progress.refresh()
        bar("drawing", 0, 0)
    shown = screen.getvalue()
    for part in ("Gram matrix", "eigenpairs", "drawing", "75%", "50%", "to go"):
        assert part in shown


def test_short_work_draws_nothing(screen):
    with ProgressBar(terminal(screen)) as bar:
        bar("Gram matrix", 1, 2)
    assert screen.getvalue() == ""


def test_pipes_get_nothing(screen, monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)
    with ProgressBar(terminal(screen, is_terminal=False)) as bar:
        bar("Gram matrix", 1, 2)
    assert screen.getvalue() == ""


def test_terminal_is_restored_after_an_error(screen, monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY", 0)

    def work():
        with ProgressBar(terminal(screen)) as bar:
            bar("Gram matrix", 1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    show_cursor = "\x1b[?25h"
    assert show_cursor in screen.getvalue()
